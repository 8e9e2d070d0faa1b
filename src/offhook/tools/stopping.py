"""Work that goes on until it is done, or the user has had enough."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


async def until_stopped(work: Coroutine[None, None, None]) -> bool:
    """Whether the work came to its end; else SIGINT or SIGTERM cancelled it, and it cleaned up.

    Raises what the work raises.
    """
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
        return False
    task.result()
    return True
