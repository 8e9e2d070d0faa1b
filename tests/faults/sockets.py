"""Which process a TCP connection on this machine is of, as Linux tells it."""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_SOCKET = re.compile(r"socket:\[(\d+)\]")


def process_at(port: int, pids: Iterable[int]) -> int:
    """The one of these processes that has a connection from this port; 0 if none has."""
    wanted = _sockets_from(port)
    return next((pid for pid in pids if wanted & _sockets_of(pid)), 0)


def _sockets_from(port: int) -> set[str]:
    # Columns of /proc/net/tcp: number, local address, remote address, ..., inode (the tenth).
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port}


def _sockets_of(pid: int) -> set[str]:
    found: set[str] = set()
    with suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.update(_SOCKET.findall(str(entry.readlink())))
    return found
