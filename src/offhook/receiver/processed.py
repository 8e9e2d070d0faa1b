"""Handling each event once in one's own web framework, with any number of processes."""

from collections.abc import Awaitable, Callable
from typing import Final

from offhook.receiver.ports import Claim, ProcessedEvents

LEASE_S: Final = 60.0
"""How long a claim lasts, unless told otherwise."""


async def handle_once(
    processed: ProcessedEvents, event_id: str, work: Callable[[], Awaitable[None]]
) -> Claim:
    """Do the work unless it was done, and say which: the web framework answers 503 for ``BUSY``.

    Work that raises gives its claim back, and the sender's next try does it again. A crash between
    the work and its record does it again too: what must not happen twice carries the event's id.
    """
    claim = await processed.claim(event_id)
    if claim is Claim.GRANTED:
        try:
            await work()
        except BaseException:
            await processed.release(event_id)
            raise
        await processed.handled(event_id)
    return claim
