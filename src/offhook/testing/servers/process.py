"""A server's process: started, watched until it serves, and always ended."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from offhook.model.errors import OffhookError
from offhook.testing.servers.account import OURS, Account

_START_S: Final = 60.0
_POLL_S: Final = 0.02
_LAST_LINES: Final = 20

ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C"}
"""What a server's programs see: none of the settings that clients take from the environment."""


class ServerFailed(OffhookError):
    """A server did not start; the message ends with the last lines of its log."""


class ServerProcess:
    """One process of ``name``, with all that it says in ``log``."""

    def __init__(self, name: str, log: Path, account: Account = OURS) -> None:
        self.name = name
        self._log = log
        self._account = account
        self._process: subprocess.Popen[bytes] | None = None
        self._log_begin = 0

    @property
    def pid(self) -> int:
        """The running process's number."""
        return self._running().pid

    @property
    def ended(self) -> bool:
        """Whether it ended, or never ran."""
        return self._process is None or self._process.poll() is not None

    def run(self, command: Sequence[str | Path], cwd: Path) -> None:
        """Run a command to its end; raises ``ServerFailed`` if that is not success in a minute."""
        self.start(command, cwd)
        try:
            code = self._running().wait(_START_S)
        except subprocess.TimeoutExpired:
            code = self.kill()
        if code != 0:
            raise self._failure(f"{command[0]} ended with exit code {code}")

    def start(self, command: Sequence[str | Path], cwd: Path) -> None:
        """Start the process in the folder ``cwd``, and do not wait until it serves."""
        if not self.ended:
            raise ServerFailed(f"{self.name} runs already: stop it first")
        with self._log.open("ab") as log:
            self._log_begin = log.tell()
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._account.uid,
                group=self._account.gid,
                extra_groups=self._account.groups,
                # Ctrl-C is for whoever started it, who then ends it in order.
                start_new_session=True,
            )

    def await_ready(self, serves: Callable[[], bool]) -> None:
        """Return once it serves; raises ``ServerFailed`` if it ends first, or takes a minute."""
        deadline_s = time.monotonic() + _START_S
        while not serves():
            if self.ended:
                code = self._running().returncode
                raise self._failure(f"{self.name} ended with exit code {code}")
            if time.monotonic() > deadline_s:
                self.kill()
                raise self._failure(f"{self.name} did not serve within {_START_S:g} s")
            time.sleep(_POLL_S)

    def end(self, number: signal.Signals, patience_s: float) -> None:
        """Send the signal; after ``patience_s``, SIGKILL. Returns once the process is gone."""
        if self.ended:
            return
        process = self._running()
        process.send_signal(number)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> int:
        """SIGKILL; returns the exit code once the process is gone, however it went."""
        process = self._running()
        process.kill()
        return process.wait()

    def said(self) -> str:
        """What it logged since the last start."""
        with self._log.open(errors="replace") as log:
            log.seek(self._log_begin)
            return log.read()

    def _failure(self, what: str) -> ServerFailed:
        lines = self.said().splitlines()[-_LAST_LINES:]
        return ServerFailed("\n  ".join((f"{what}; the end of {self._log}:", *lines)))

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerFailed(f"{self.name} was not started: call start() first")
        return self._process
