"""A queue that is away: senders are asked to come back, and what was kept is handled afterwards."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from offhook.model.errors import Overloaded
from offhook.receiver import Event, Handling, Queue, Receiver, RetryPolicy
from offhook.receiver.postgres import PostgresProcessedEvents, PostgresQueue
from offhook.receiver.redis import RedisQueue
from offhook.receiver.testing import example_event, signed_request
from offhook.signing import make_secret
from offhook.testing.faulty_wire import FaultyWire
from offhook.testing.servers.ports import free_port

SECRET = make_secret(bytes(32))
PATIENCE_S = 60
QUICK = Handling(RetryPolicy(delays_s=(0,)), poll_s=0.05)

Place = tuple[str, Callable[[str], Queue]]


@pytest.fixture(params=["postgres", "redis"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "postgres":
        return request.getfixturevalue("postgres18_url"), PostgresQueue
    return request.getfixturevalue("redis_url"), RedisQueue


class Line:
    """A receiver whose queue is at the end of a line that can be cut."""

    def __init__(self, wire: FaultyWire, open_queue: Callable[[str], Queue]) -> None:
        self.wire = wire
        self.seen: list[str] = []
        self.receiver = Receiver(self._handle, SECRET, open_queue(wire.url), handling=QUICK)

    async def deliver(self, event: dict[str, object]) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return (await self.receiver.receive(signed_request(event, SECRET))).status

    async def until_seen(self, event: dict[str, object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while event["id"] not in self.seen:
                await asyncio.sleep(0.01)

    async def _handle(self, event: Event) -> None:
        self.seen.append(event.id)


@asynccontextmanager
async def line(place: Place) -> AsyncIterator[Line]:
    url, open_queue = place
    async with FaultyWire(url) as wire:
        made = Line(wire, open_queue)
        async with made.receiver.running():
            yield made


async def test_a_database_that_is_away_is_told_as_busy_and_never_as_handled() -> None:
    processed = PostgresProcessedEvents(f"postgresql://postgres@127.0.0.1:{free_port()}/postgres")
    with pytest.raises(Overloaded, match="PostgreSQL gives no answer"):
        await processed.claim("evt_1")
    await processed.close()


async def test_while_the_queue_is_away_senders_get_503_and_then_it_goes_on(place: Place) -> None:
    before, during, after = (example_event("call.ended") for _ in range(3))
    with capture_logs() as logs:
        async with line(place) as to:
            assert await to.deliver(before) == 200
            await to.until_seen(before)
            await to.wire.cut()
            assert await to.deliver(during) == 503
            await to.wire.mend()
            async with asyncio.timeout(PATIENCE_S):
                while await to.deliver(during) != 200:
                    await asyncio.sleep(0.05)
            assert await to.deliver(after) == 200
            await to.until_seen(during)
            await to.until_seen(after)
    assert to.seen.count(str(after["id"])) == 1
    assert {"queue_not_written", "request_refused"} <= {entry["event"] for entry in logs}
