"""A Redis that is away, hangs or loses an answer: the sender is asked to come back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from offhook.model.errors import Overloaded
from offhook.receiver import Claim, handle_once
from offhook.receiver.redis import RedisProcessedEvents
from offhook.testing.faulty_wire import FaultyWire
from offhook.testing.servers.redis import RedisServer

_PATIENCE_S = 30.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
async def processed(server: RedisServer) -> AsyncIterator[RedisProcessedEvents]:
    opened = RedisProcessedEvents(server.url())
    yield opened
    await opened.close()


async def test_while_redis_is_away_the_sender_is_asked_to_come_back(
    processed: RedisProcessedEvents, server: RedisServer
) -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("evt_1")

    assert await processed.claim("evt_0") is Claim.GRANTED
    server.kill()
    with pytest.raises(Overloaded, match="Redis gives no answer"):
        await handle_once(processed, "evt_1", work)
    assert done == []
    server.start()
    assert await handle_once(processed, "evt_1", work) is Claim.GRANTED
    assert done == ["evt_1"]


async def test_work_whose_record_is_lost_is_told_as_not_done(
    processed: RedisProcessedEvents, server: RedisServer
) -> None:
    async def work() -> None:
        server.kill()

    with pytest.raises(Overloaded):
        await handle_once(processed, "evt_1", work)


async def test_a_redis_that_hangs_is_not_waited_for_long(
    processed: RedisProcessedEvents, server: RedisServer
) -> None:
    async with Redis.from_url(server.url()) as client:
        process: int = (await client.info("server"))["process_id"]
    os.kill(process, signal.SIGSTOP)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            with pytest.raises(Overloaded):
                await processed.claim("evt_1")
    finally:
        os.kill(process, signal.SIGCONT)
    assert await processed.claim("evt_2") is Claim.GRANTED
    assert await processed.claim("evt_2") is Claim.BUSY


async def test_a_claim_whose_answer_was_lost_is_not_held_against_itself(
    server: RedisServer,
) -> None:
    async with FaultyWire(server.url()) as wire, Redis.from_url(server.url()) as client:
        processed = RedisProcessedEvents(wire.url)
        assert await processed.claim("evt_0") is Claim.GRANTED
        wire.delay_s = 0.3
        claiming = asyncio.create_task(processed.claim("evt_1"))
        async with asyncio.timeout(_PATIENCE_S):
            while not await client.exists("offhook:processed:evt_1"):
                await asyncio.sleep(0.005)
        await wire.cut()
        wire.delay_s = 0.0
        await wire.mend()
        assert await claiming is Claim.GRANTED
        assert await processed.claim("evt_1") is Claim.BUSY
        await processed.close()


async def test_nothing_stays_on_the_server_for_good(
    processed: RedisProcessedEvents, server: RedisServer
) -> None:
    await processed.claim("evt_1")
    await processed.claim("evt_2")
    await processed.handled("evt_2")
    async with Redis.from_url(server.url()) as client:
        assert 0 < await client.ttl("offhook:processed:evt_1") <= 60
        assert 60 < await client.ttl("offhook:processed:evt_2") <= 48 * 3600


async def test_handlers_of_different_names_do_not_share_what_they_did(server: RedisServer) -> None:
    crm, mail = (RedisProcessedEvents(server.url(), prefix=name) for name in ("crm:", "mail:"))
    for each in (crm, mail):
        assert await each.claim("evt_1") is Claim.GRANTED
        await each.close()


def test_a_url_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="redis://"):
        RedisProcessedEvents("http://localhost")
