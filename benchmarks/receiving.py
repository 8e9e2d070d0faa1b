"""A receiver to measure, whose handlers are slow, and every third of whose events fails.

It takes the command line of ``offhook serve``, as far as the benchmarks give it.
"""

import argparse
import asyncio
import logging
from pathlib import Path
from typing import Final

import structlog
import uvicorn

from offhook.receiver import Event, Receiver
from offhook.receiver.asgi import Receive, Scope, Send
from offhook.receiver.sqlite import SqliteQueue
from offhook.signing import make_secret

SECRET: Final = make_secret(bytes(32))
_HANDLER_S: Final = 1.0


async def _handle(event: Event) -> None:
    await asyncio.sleep(_HANDLER_S)
    if (event.sequence or 0) % 3 == 0:
        raise ConnectionError("the CRM is down")


class _Ready:
    """The receiver, and beside it the address that the benchmarks ask whether it is up."""

    def __init__(self) -> None:
        self._receiver = Receiver(_handle, SECRET, SqliteQueue(Path("queue.db")))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/readyz":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._receiver(scope, receive, send)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    options, _ = parser.parse_known_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    uvicorn.run(_Ready(), port=options.port, log_level="error", access_log=False)


if __name__ == "__main__":
    main()
