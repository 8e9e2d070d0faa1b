"""Ports that a server can leave and find again."""

import secrets
import socket
from typing import Final

from offhook.model.errors import OffhookError

LOOPBACK: Final = "127.0.0.1"

_PORTS: Final = range(10_000, 30_000)
_TRIES: Final = 100


def free_port() -> int:
    """A port of loopback that nobody listens on now.

    Outgoing connections never take it, because it lies below the ports that systems give to
    those: so a server can be down for a while and come back on it.
    """
    for _ in range(_TRIES):
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise OffhookError(
        f"no free port found between {_PORTS.start} and {_PORTS.stop}: stop what listens there"
    )
