"""What all tests of the testing tools stand on."""

import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from command_line import (
    KEY,
    OPEN,
    Command,
    LocalEndpoint,
    Ran,
    Received,
    Run,
    ServerProcess,
    Start,
)

from offhook.__main__ import main
from offhook.demo.processes import clean_environment


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that may deliver to this machine."""
    process = ServerProcess(tmp_path_factory.mktemp("server"), OPEN)
    process.start()
    yield process
    process.kill()


@pytest.fixture
def run(
    server: ServerProcess,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Run:
    """Runs a command in an empty folder, set to the server."""
    for name in os.environ.keys() - clean_environment({}).keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: str, url: str = server.url, key: str = KEY) -> Ran:
        monkeypatch.setenv("OFFHOOK_URL", url)
        monkeypatch.setenv("OFFHOOK_KEY", key)
        monkeypatch.setattr(sys, "argv", ["offhook", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return ran


@pytest.fixture
def endpoint() -> Iterator[LocalEndpoint]:
    """An endpoint of the user's own."""
    local = LocalEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._answer(local.take(Received(self.path, headers, body)), b"")

        def do_GET(self) -> None:
            self._answer(200, local.page)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    local.url = f"http://127.0.0.1:{served.server_port}"
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield local
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture
def start(server: ServerProcess, tmp_path: Path) -> Iterator[Start]:
    """Starts a command that goes on, set to the server."""
    started: list[Command] = []

    def begun(*arguments: str, url: str = server.url) -> Command:
        started.append(Command(arguments, url, tmp_path))
        return started[-1]

    yield begun
    for each in started:
        each.end()
