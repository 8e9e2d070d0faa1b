"""Calls on their way into the server: a simulated day in fast-forward, or a file."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from offhook.demo.client import Api
from offhook.integrations.importing import ImportOptions, ImportReport, run_import
from offhook.testing.simulation import Step

_CHUNK: Final = 200
_SINGLY: Final = 2


@dataclass(slots=True)
class Progress:
    """How far the feeding is: facts posted (a row of a file is one), and where in the day or the
    file that is. ``rejected`` counts the rows that were not taken; ``first_rejection`` says why."""

    facts: int = 0
    at: str = ""
    finished: bool = False
    rejected: int = 0
    first_rejection: str = ""


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


async def feed_file(api: Api, calls: Path, mapping: Path, progress: Progress) -> None:
    """Import a file of finished calls, as ``offhook import`` does.

    Raises ``OffhookError`` for a file, a mapping or a server that cannot be used.
    """

    def note(report: ImportReport) -> None:
        progress.facts = report.new + report.unchanged
        progress.at = f"row {report.rows_read:,}"

    report = await run_import(ImportOptions(calls, mapping, api.url, api.key), note)
    note(report)
    progress.rejected = report.rejected
    if report.rejections:
        first = report.rejections[0]
        progress.first_rejection = f"row {first.row}, {first.column}: {first.reason}"
    progress.finished = True


def _chunks(steps: Iterable[Step]) -> Iterator[list[Step]]:
    remaining = iter(steps)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
