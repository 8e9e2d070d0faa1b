"""Ports that a server can leave and find again."""

import secrets
import socket
from collections import deque
from typing import Final

from offhook.model.errors import OffhookError

LOOPBACK: Final = "127.0.0.1"

_PORTS: Final = range(10_000, 30_000)
_TRIES: Final = 100
_CLAIMED: Final = 64
_claims: Final = deque[socket.socket]()


def free_port() -> int:
    """A port of loopback that nobody listens on now, and that no other process is given while this
    one lives, until it has asked for 64 more.

    Outgoing connections never take it, because it lies below the ports that systems give to
    those: so a server can be down for a while and come back on it.
    """
    for _ in range(_TRIES):
        port = secrets.choice(_PORTS)
        claim = _bound(socket.SOCK_DGRAM, port)
        if claim is None:
            continue
        probe = _bound(socket.SOCK_STREAM, port)
        if probe is None:
            claim.close()
            continue
        probe.close()
        _keep(claim)
        return port
    raise OffhookError(
        f"no free port found between {_PORTS.start} and {_PORTS.stop}: stop what listens there"
    )


def _keep(claim: socket.socket) -> None:
    """A server that is yet to start has nothing at its port: the claim is the same port of UDP."""
    _claims.append(claim)
    if len(_claims) > _CLAIMED:
        _claims.popleft().close()


def _bound(kind: socket.SocketKind, port: int) -> socket.socket | None:
    bound = socket.socket(type=kind)
    if kind is socket.SOCK_STREAM:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, port))
    except OSError:
        bound.close()
        return None
    return bound
