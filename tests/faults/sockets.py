"""Which process a TCP connection on this machine is of, as Linux tells it."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_LOOKS = 10
"""While connections of others come and go, Linux may leave lines out of what it lists."""

_SOCKET = re.compile(r"socket:\[(\d+)\]")


class Connections:
    """The connections that some processes have to one port of this machine.

    Looking is not cheap, so each look is for all connections there are: those that were not asked
    about yet are remembered.
    """

    def __init__(self, to_port: int, pids: Callable[[], Iterable[int]]) -> None:
        self._to_port = to_port
        self._pids = pids
        self._unasked: dict[int, int] = {}

    def process_at(self, port: int) -> int:
        """The process that has just connected from this port; 0 if it is none of these, or has died
        since."""
        looks = _LOOKS
        while port not in self._unasked and looks:
            self._unasked = processes_at(self._pids(), self._to_port)
            looks -= 1
        return self._unasked.pop(port, 0)


def processes_at(pids: Iterable[int], to_port: int) -> dict[int, int]:
    """From which ports these processes are connected to a port."""
    sockets = {inode: pid for pid in pids for inode in _sockets_of(pid)}
    found = ((port, sockets.get(inode)) for port, inode in _ports_to(to_port))
    return {port: pid for port, pid in found if pid is not None}


def _ports_to(to_port: int) -> Iterator[tuple[int, str]]:
    # Columns of /proc/net/tcp: number, local address, remote address, ..., inode (the tenth).
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        row = line.split()
        if int(row[2].rpartition(":")[2], 16) == to_port:
            yield int(row[1].rpartition(":")[2], 16), row[9]


def _sockets_of(pid: int) -> set[str]:
    found: set[str] = set()
    with suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.update(_SOCKET.findall(str(entry.readlink())))
    return found
