"""The truth of what has to arrive: the server's feed, read to its end."""

import asyncio
from collections.abc import Callable
from typing import Final

from offhook.demo.client import Api, Control
from offhook.demo.feeding import Progress
from offhook.demo.tally import Report

_NAMED_ONLY: Final = ("webhook.", "delivery.", "automation.", "record.")
"""A subscription to ``*`` does not bring these."""

_POLL_S: Final = 0.2


class Follower:
    """Walks ``GET /v1/events`` and tells the receiver the id of each event it has to get."""

    def __init__(self, api: Api, control: Control) -> None:
        self._api = api
        self._control = control
        self._cursor: str | None = None

    async def run_once(self) -> tuple[Report, bool]:
        """Read one page; returns the receiver's tally, and whether the page was the feed's end."""
        page = await self._api.feed(self._cursor)
        self._cursor = page.next_cursor
        ids = [event.id for event in page.data if not event.type.startswith(_NAMED_ONLY)]
        return await self._control.expect(ids), not page.data


async def follow(
    follower: Follower,
    progress: Progress,
    show: Callable[[Report], None],
    patience_s: float = 30.0,
) -> Report:
    """Follow until all has arrived that the feed holds once the feeding is finished; returns the
    last tally. Gives up when nothing new arrives for so long: what is missing then is lost."""
    loop = asyncio.get_running_loop()
    arrived, since = -1, loop.time()
    while True:
        finished = progress.finished
        report, at_end = await follower.run_once()
        show(report)
        if report.distinct != arrived:
            arrived, since = report.distinct, loop.time()
        if finished and at_end and (not report.missing or loop.time() - since > patience_s):
            return report
        if at_end:
            await asyncio.sleep(_POLL_S)
