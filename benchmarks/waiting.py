"""Waiting for what no event tells."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(
    reached: Callable[[], Awaitable[bool]], *, within_s: float, look_every_s: float
) -> None:
    """Return once it is reached; raises ``TimeoutError`` if that takes too long."""
    async with asyncio.timeout(within_s):
        while True:
            if await reached():
                return
            await asyncio.sleep(look_every_s)
