"""What remembering processed events guarantees on any store.

``ProcessedEventsConformance`` needs the fixtures ``processed`` and ``other``, opened on the same
store as by two processes, with claims that last a minute; and ``pass_time``, which lets seconds
pass for that store.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from offhook.receiver.ports import Claim, ProcessedEvents
from offhook.receiver.processed import handle_once

LEASE_S = 60.0
_TWO_DAYS_S = 48 * 3600.0

PassTime = Callable[[float], Awaitable[None]]


class ProcessedEventsConformance:
    """An event is handled by one of those who claim it, and known when it was."""

    async def test_an_event_is_granted_to_one_however_many_claim_it(
        self, processed: ProcessedEvents, other: ProcessedEvents
    ) -> None:
        claiming = [each.claim("evt_1") for each in (processed, other) for _ in range(10)]
        claims = await asyncio.gather(*claiming)
        assert sorted(claims) == [Claim.BUSY] * 19 + [Claim.GRANTED]

    async def test_a_handled_event_is_known_to_all_and_nobody_gives_it_back(
        self, processed: ProcessedEvents, other: ProcessedEvents
    ) -> None:
        await processed.claim("evt_1")
        await processed.handled("evt_1")
        for each in (processed, other):
            await each.release("evt_1")
            assert await each.claim("evt_1") is Claim.HANDLED

    async def test_events_do_not_stand_in_each_others_way(
        self, processed: ProcessedEvents, other: ProcessedEvents
    ) -> None:
        assert await processed.claim("evt_1") is Claim.GRANTED
        assert await other.claim("evt_2") is Claim.GRANTED
        await other.handled("evt_2")
        assert await other.claim("evt_1") is Claim.BUSY

    async def test_a_released_event_is_granted_again_at_once(
        self, processed: ProcessedEvents, other: ProcessedEvents
    ) -> None:
        await processed.claim("evt_1")
        await processed.release("evt_1")
        assert await other.claim("evt_1") is Claim.GRANTED

    async def test_a_claim_whose_handler_crashed_runs_out(
        self, processed: ProcessedEvents, other: ProcessedEvents, pass_time: PassTime
    ) -> None:
        assert await processed.claim("evt_1") is Claim.GRANTED
        await pass_time(LEASE_S - 20)
        assert await other.claim("evt_1") is Claim.BUSY
        await pass_time(20)
        assert await other.claim("evt_1") is Claim.GRANTED
        assert await processed.claim("evt_1") is Claim.BUSY

    async def test_a_handled_event_is_forgotten_after_two_days(
        self, processed: ProcessedEvents, pass_time: PassTime
    ) -> None:
        await processed.claim("evt_1")
        await processed.handled("evt_1")
        await pass_time(_TWO_DAYS_S - 60)
        assert await processed.claim("evt_1") is Claim.HANDLED
        await pass_time(60)
        assert await processed.claim("evt_1") is Claim.GRANTED

    async def test_what_was_handled_after_its_claim_ran_out_is_known_all_the_same(
        self, processed: ProcessedEvents, other: ProcessedEvents, pass_time: PassTime
    ) -> None:
        await processed.claim("evt_1")
        await pass_time(LEASE_S)
        await processed.handled("evt_1")
        assert await other.claim("evt_1") is Claim.HANDLED

    async def test_work_is_done_once_and_again_only_if_it_failed(
        self, processed: ProcessedEvents, other: ProcessedEvents
    ) -> None:
        done: list[str] = []

        async def fail() -> None:
            raise ConnectionError("the CRM is down")

        async def work() -> None:
            await asyncio.sleep(0)
            done.append("evt_1")

        with pytest.raises(ConnectionError):
            await handle_once(processed, "evt_1", fail)
        claims = await asyncio.gather(
            *(handle_once(each, "evt_1", work) for each in (processed, other) for _ in range(5))
        )
        assert claims.count(Claim.GRANTED) == 1
        assert await handle_once(other, "evt_1", work) is Claim.HANDLED
        assert done == ["evt_1"]
