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
_TICK_S: Final = 0.002
_PATIENCE_S: Final = 300.0
_DAYS: Final = 7
_DAY_MS: Final = 86_400_000

_SET_ASIDE: Final = """
    CREATE TABLE staged AS TABLE event;
    CREATE TABLE span AS
        SELECT partition, 0::bigint AS began, max(position) AS ended FROM staged GROUP BY partition;
    INSERT INTO lease (consumer, partition, epoch, until_ms, cursor, takeovers)
        SELECT 'deliver', partition, 0, 0, 0, 0 FROM partition_head;
"""
_CLEAR: Final = """
    TRUNCATE attempt, pending, held, timer;
    UPDATE lease SET cursor = began, takeovers = 0, suspect = NULL
        FROM span WHERE span.partition = lease.partition AND consumer = 'deliver';
"""
_EMPTIED: Final = """
    SELECT DISTINCT 'TRUNCATE event_' || to_char(
        to_timestamp(created_ms / 1000) AT TIME ZONE 'UTC', 'YYYYMMDD'
    ) FROM staged
"""
_LOAD: Final = """
    INSERT INTO event
    SELECT
        staged.partition, staged.position + span.began, id, account, type, key, sequence,
        created_ms, test, historical, NULL, headers, data
    FROM staged JOIN span USING (partition)
    ORDER BY created_ms, partition, position
"""
_PAST: Final = """
    INSERT INTO event
    SELECT
        staged.partition,
        position + copy * ended,
        'evt_' || lpad(to_hex(partition * 100000000 + position + copy * ended), 20, '0'),
        account,
        type,
        key || copy,
        sequence,
        $2::bigint + (position + copy * ended) * $3::bigint / (ended * $1::bigint + 1),
        test,
        historical,
        NULL,
        headers,
        data
    FROM generate_series(0, $1::bigint - 1) AS copy
    CROSS JOIN staged
    JOIN span USING (partition)
"""
_AT_THE_END: Final = """
    SELECT
        bool_and(cursor >= began + ended)
        AND NOT EXISTS (SELECT FROM held)
        AND NOT EXISTS (SELECT FROM pending)
    FROM lease JOIN span USING (partition)
    WHERE consumer = 'deliver'
"""


@dataclass(slots=True)
class Backlog:
    """Events that wait beside the log, and the endpoints that are to have them.

    While no engine runs, ``clear`` takes back what was delivered. ``load`` puts the events into the
    log: with that the engines begin. ``done`` returns once all cursors are at the end.
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
        for row in await self.raw.fetch(_EMPTIED):
            await self.raw.execute(row[0])
        await self.raw.execute(_CLEAR)
        await self.raw.execute("CHECKPOINT")

    async def deepen(self, events: int) -> int:
        """Put about so many events before it, delivered long ago, over the week before today;
        returns how many."""
        copies = -(-events // self.events)
        newest_ms = await self.raw.fetchval("SELECT min(created_ms) FROM staged")
        ended_ms = newest_ms - newest_ms % _DAY_MS
        began_ms = ended_ms - _DAYS * _DAY_MS
        for day_ms in range(began_ms, ended_ms, _DAY_MS):
            await self.raw.execute("SELECT offhook_make_day('event', $1)", day_ms)
        await self.raw.execute(_PAST, copies, began_ms, _DAYS * _DAY_MS)
        await self.raw.execute("UPDATE span SET began = ended * $1", copies)
        await self.raw.execute("VACUUM ANALYZE event")
        return copies * self.events

    async def load(self) -> None:
        """Have the events delivered."""
        await self.raw.execute(_LOAD)

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
    async with serving(folder, place=place, role="api") as server:
        for number in range(endpoints):
            await server.create_webhook(f"{target}/{number}", max_in_flight=64, timeout_s=30)
        requests = batch_requests(list(items), _BATCH)
        await drive(server.port, requests, connections=4, seconds=_FILL_S)
    raw = await asyncpg.connect(url)
    try:
        await raw.execute(_SET_ASIDE)
        events = await raw.fetchval("SELECT count(*) FROM staged")
        yield Backlog(sink, raw, events, endpoints)
    finally:
        await raw.close()
