"""A server process: listens, serves the API of the composition root, and ends by a signal."""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
import uvloop

from offhook import runtime
from offhook.app import running
from offhook.clock import SystemClock
from offhook.logs import log_to_stderr
from offhook.model.errors import OffhookError
from offhook.opening import place
from offhook.settings import Role, Settings

_DRAIN_S = 2
_ENDS_WITHIN_S = 9.0
_CUT_SHORT = (
    f"offhook: not all could be handed over within {_ENDS_WITHIN_S:.0f} s of the signal; "
    "what was under way is done again by the next process, as after a kill.\n"
)
_BACKLOG = 2048


def run_server(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what is in flight and exit within 10 s, with 1
    where that took longer, as with a database that does not answer."""
    log_to_stderr(settings)
    runtime.tune()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


class _Server(uvicorn.Server):
    """uvicorn's own handlers end the process by the signal as soon as the sockets are closed: what
    runs behind the API would never be stopped. And it waits for answers to end, as those of streams
    do only if they are told to."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no connection more, end the streams, and wait a little for what is under way."""
        self._end_streams()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End ``serve``; from here on the process has not long to live."""
        if not self.should_exit:
            deadline = threading.Timer(_ENDS_WITHIN_S, _end_now)
            deadline.daemon = True
            deadline.start()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Have SIGTERM and Ctrl-C end ``serve``, and nothing else."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def _end_now() -> None:
    # Past all locks and buffers: whoever holds them may be what hangs.
    os.write(sys.stderr.fileno(), _CUT_SHORT.encode())
    os._exit(1)


async def _serve(settings: Settings) -> None:
    async with running(settings, SystemClock()) as offhook:
        if offhook.new_key is not None:
            _say(f"Your admin key, shown this once: {offhook.new_key}")
        sockets = _listen(settings.host, settings.port)
        server = _Server(
            uvicorn.Config(
                offhook.api,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_DRAIN_S,
            ),
            offhook.end_streams,
        )
        _greet(settings, sockets[0].getsockname()[1])
        await server.serve(sockets)


def _listen(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of the host; raises ``OffhookError`` where there can be none."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in found:
            sockets.append(socket.create_server(address, family=family, backlog=_BACKLOG))
    except OSError as error:
        for opened in sockets:
            opened.close()
        why = (
            error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        )
        raise OffhookError(
            f"Nothing can listen on {host} port {port} ({why}): "
            "choose others with --host and --port, or stop the process that has them."
        ) from error
    return sockets


def _greet(settings: Settings, port: int) -> None:
    part = "" if settings.role is Role.ALL else f" ({settings.role} only)"
    _say(f"Offhook{part} on http://{settings.host}:{port}, data in {place(settings)}")
    if settings.allow_http or settings.allow_targets:
        allowed = settings.allow_targets or "public addresses only"
        _say(
            f"Deliveries may go to: {allowed}; http endpoints: "
            f"{'allowed' if settings.allow_http else 'refused'}"
        )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
