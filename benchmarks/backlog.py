"""A log that is filled beforehand and delivered on command, as often as is wanted."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from benchmarks.calls import batch_requests
from benchmarks.load import drive
from benchmarks.places import Place
from benchmarks.servers import serving
from benchmarks.sink import Sink
from benchmarks.waiting import until

_BATCH: Final = 500
_FILL_S: Final = 120.0
_POLL_S: Final = 0.05
_PATIENCE_S: Final = 120.0
_TICK_S: Final = 0.002
_AT_THE_END: Final = (
    "SELECT coalesce(sum(cursor), 0) >= (SELECT sum(ended) FROM ends) "
    "AND NOT EXISTS (SELECT FROM held) AND NOT EXISTS (SELECT FROM pending) "
    "FROM lease WHERE consumer = 'deliver'"
)
_EMPTIED: Final = ("event", "attempt", "pending", "held", "timer")


@dataclass(slots=True)
class Backlog:
    """Events that wait beside the log, and the endpoints that are to have them.

    While no engine runs, ``clear`` takes all back that was delivered. ``load`` puts the events into
    the log: with that the engines begin. ``done`` returns once all cursors are at the end.
    """

    sink: Sink
    raw: "asyncpg.Connection"
    events: int
    endpoints: int

    @property
    def deliveries(self) -> int:
        """How many requests it comes to."""
        return self.events * self.endpoints

    async def clear(self) -> None:
        """As if nothing of it had ever been in the log."""
        await self.raw.execute(f"TRUNCATE {', '.join(_EMPTIED)}")
        await self.raw.execute("UPDATE lease SET cursor = 0, takeovers = 0, suspect = NULL")
        await self.raw.execute("CHECKPOINT")

    async def load(self) -> None:
        """Have the events delivered."""
        await self.raw.execute(
            "INSERT INTO event SELECT * FROM staged ORDER BY created_ms, partition, position"
        )

    async def begun(self) -> None:
        """Return with the first delivery after this was called."""
        before = self.sink.received

        async def more() -> bool:
            return self.sink.received > before

        await until(more, within_s=_PATIENCE_S, look_every_s=_TICK_S)

    async def done(self) -> None:
        """Return once all is delivered, and known to be."""

        async def at_the_end() -> bool:
            return bool(await self.raw.fetchval(_AT_THE_END))

        await until(at_the_end, within_s=_PATIENCE_S, look_every_s=_POLL_S)


@asynccontextmanager
async def backlog(
    folder: Path, place: Place, url: str, items: Sequence[bytes], endpoints: int
) -> AsyncIterator[Backlog]:
    """The events of these facts, posted to the API and set aside."""
    sink = Sink()
    target = f"http://127.0.0.1:{await sink.listen()}"
    async with serving(folder / "filling", place=place, role="api") as server:
        for number in range(endpoints):
            await server.create_webhook(f"{target}/{number}", max_in_flight=64, timeout_s=30)
        requests = batch_requests(list(items), _BATCH)
        await drive(server.port, requests, connections=4, seconds=_FILL_S)
    raw = await asyncpg.connect(url)
    try:
        await raw.execute("CREATE TABLE staged AS TABLE event")
        await raw.execute(
            "CREATE TABLE ends AS SELECT partition, max(position) AS ended FROM staged GROUP BY 1"
        )
        events = await raw.fetchval("SELECT count(*) FROM staged")
        yield Backlog(sink, raw, events, endpoints)
    finally:
        await raw.close()
