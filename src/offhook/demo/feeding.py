"""Calls on their way into the server: a simulated day in fast-forward."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec

from offhook.demo.client import Api
from offhook.testing.simulation import Step

_CHUNK: Final = 200
_SINGLY: Final = 2


@dataclass(slots=True)
class Progress:
    """How far the feeding is; ``at`` says where, in the feed's own terms."""

    facts: int = 0
    at: str = ""
    finished: bool = False


async def feed_day(api: Api, steps: Iterable[Step], progress: Progress, facts_per_s: float) -> None:
    """Post the facts in their order, no faster than ``facts_per_s``.

    Of each 200 the first two go singly, the others as one batch. Each request waits for the one
    before, so that facts of a call never overtake each other on the way in.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    for chunk in _chunks(steps):
        items = [msgspec.json.encode(step.body()) for step in chunk]
        for item in items[:_SINGLY]:
            await api.post_event(item)
        if len(items) > _SINGLY:
            await api.post_batch(items[_SINGLY:])
        progress.facts += len(items)
        progress.at = f"{chunk[-1].at:%H:%M}"
        await asyncio.sleep(began + progress.facts / facts_per_s - loop.time())
    progress.finished = True


def _chunks(steps: Iterable[Step]) -> Iterator[list[Step]]:
    remaining = iter(steps)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
