"""Work that goes on until it is done, or the user has had enough."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Final, TypeVar

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_T = TypeVar("_T")


class Stopped(Exception):
    """The user ended it; what it had to clean up, it did."""


async def until_stopped(work: Coroutine[None, None, _T]) -> _T:
    """What the work comes to; ``Stopped`` if SIGINT or SIGTERM cancelled it before."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    for each in _SIGNALS:
        loop.add_signal_handler(each, task.cancel)
    try:
        await asyncio.wait((task,))
    finally:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
    if task.cancelled():
        raise Stopped
    return task.result()
