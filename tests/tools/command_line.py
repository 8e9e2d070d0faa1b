"""A running server, commands beside it, and an endpoint of the user's own."""

import json
import queue
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offhook.demo.processes import clean_environment
from offhook.testing.servers.ports import free_port

KEY = "ofh_test_" + "k" * 40
OPEN = {"OFFHOOK_ALLOW_HTTP": "1", "OFFHOOK_ALLOW_TARGETS": "127.0.0.1"}
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit code, what it said, and what it complained of."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line that a failure is told in."""
        assert (self.code, self.out) == (1, "")
        [line] = self.err.splitlines()
        assert line.startswith("offhook: ")
        return line


Run = Callable[..., Ran]
"""Runs a command to its end."""


class ServerProcess:
    """``offhook serve`` with a test key, which may be killed and started again."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._port = free_port()
        self._settings = clean_environment({"OFFHOOK_BOOTSTRAP_KEY": KEY, **settings})
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it; returns when it is ready."""
        command = (sys.executable, "-m", "offhook", "serve", "--port", str(self._port))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=self._settings, stdout=log, stderr=log
            )
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/readyz").close()
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        self._process.kill()
        self._process.wait()

    def ask(self, method: str, path: str, document: object = None) -> Any:
        """An answer of its API."""
        body = None if document is None else json.dumps(document).encode()
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def webhooks(self) -> list[dict[str, Any]]:
        """Those that there are."""
        found: list[dict[str, Any]] = self.ask("GET", "/v1/webhooks")["data"]
        return found


@dataclass(frozen=True)
class Received:
    """A request; header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class LocalEndpoint:
    """An endpoint on a port of this machine: answers with ``statuses`` in turn, then 200. A GET is
    answered with all that came."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    came: "queue.Queue[Received]" = field(default_factory=queue.Queue)
    page: bytes = b""

    def next(self) -> Received:
        """The next request; waits for it."""
        return self.came.get(timeout=PATIENCE_S)

    def take(self, received: Received) -> int:
        """Keep a request; returns the status of its answer."""
        self.came.put(received)
        self.page += received.body
        return self.statuses.pop(0) if self.statuses else 200


class Command:
    """A command in a process of its own, which goes on until it is stopped."""

    def __init__(self, arguments: Sequence[str], url: str, folder: Path) -> None:
        settings = clean_environment(
            {"OFFHOOK_URL": url, "OFFHOOK_KEY": KEY, "PYTHONUNBUFFERED": "1"}
        )
        self._process = subprocess.Popen(
            (sys.executable, "-m", "offhook", *arguments),
            cwd=folder,
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """The next line that it says; empty at its end."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def stop_reading(self) -> None:
        """Close the pipe that it says it to, as ``head`` does."""
        assert self._process.stdout is not None
        self._process.stdout.close()

    def stop(self, number: int) -> Ran:
        """Send it a signal; what is left of what it said."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> Ran:
        """Wait for its end; what is left of what it said."""
        out, err = self._process.communicate(timeout=PATIENCE_S)
        return Ran(self._process.returncode, out or "", err)

    def end(self) -> None:
        """Make sure that it is gone."""
        self._process.kill()
        self._process.communicate()


Start = Callable[..., Command]
"""Starts a command that goes on."""
