"""One server for many processes: the first that asks has it started, the last to leave ends it.

Locks on files say who is there, so a process that was killed has left. A keeper process of its own
(``keeper.py``) runs the server, because any of the others may be gone first.
"""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from offhook.testing.servers.process import ServerFailed

_POLL_S: Final = 0.02


@contextmanager
def borrowed(server: str, folder: Path) -> Iterator[int]:
    """The port of the server that all who name this folder share, for as long as the block lasts.

    ``server`` is ``redis``, or the name of an installed PostgreSQL (``PostgresBinaries.name``).
    Raises ``ServerFailed`` if it does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with borrowers(folder) as here:
        with (folder / "starting.lock").open("ab") as alone:
            fcntl.flock(alone, fcntl.LOCK_EX)
            fcntl.flock(here, fcntl.LOCK_SH)
            port = _port_told(folder) or _started(server, folder)
        yield port


def borrowers(folder: Path) -> IO[bytes]:
    """The file that each borrower holds a shared lock on; the keeper ends by an exclusive one."""
    return (folder / "borrowers.lock").open("ab")


def port_file(folder: Path) -> Path:
    """Where the keeper tells the port; the keeper holds a lock on it for as long as it lives."""
    return folder / "port"


def _started(server: str, folder: Path) -> int:
    log = folder / "keeper.log"
    keeper = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "offhook.testing.servers.keeper", server, str(folder)],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    while True:
        ended, _ = os.waitpid(keeper, os.WNOHANG)
        port = _port_told(folder)
        if port is not None:
            return port
        if ended:
            raise ServerFailed(f"{server} was not started:\n{log.read_text(errors='replace')}")
        time.sleep(_POLL_S)


def _port_told(folder: Path) -> int | None:
    try:
        with port_file(folder).open() as told:
            try:
                fcntl.flock(told, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(told.read() or 0) or None
            return None
    except FileNotFoundError:
        return None
