"""What a receiver's queue guarantees on any store.

``QueueConformance`` needs the fixtures ``queue`` and ``other``, opened on the same store as by two
processes, which know what is done with for two days; and ``pass_time``, which lets seconds pass for
that store. ``make`` makes another one, not opened yet.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from offhook.receiver.ports import (
    Arrival,
    Depth,
    Queue,
    Receipt,
    Settlement,
    Taken,
    Verdict,
)
from offhook.receiver.retrying import settled

_TWO_DAYS_S = 48 * 3600.0
_LEASE_S = 60.0

PassTime = Callable[[float], Awaitable[None]]
Make = Callable[[], Queue]


def _arrivals(*names: str) -> list[Arrival]:
    """``b2`` is the second event of lane ``b``."""
    return [Arrival(name, name[0], f"body of {name}".encode()) for name in names]


async def _put(queue: Queue, *names: str) -> list[Receipt]:
    return await queue.commit("putter", _arrivals(*names), [])


async def _take(queue: Queue, holder: str = "h", limit: int = 10) -> dict[str, Taken]:
    found = await queue.take(holder, limit, _LEASE_S)
    return {taken.event_id: taken for taken in found}


async def _settle(queue: Queue, holder: str, *ends: Settlement) -> None:
    assert await queue.commit(holder, [], ends) == []


async def _bury(queue: Queue, *names: str) -> None:
    """Make dead letters of new events."""
    for name in names:
        await _put(queue, name)
        taken = (await _take(queue))[name]
        await _settle(queue, "h", settled(taken, Verdict.DEAD, error="the CRM said no"))


async def _opened_beside_others(queue: Queue, ready: threading.Barrier, name: str) -> Receipt:
    ready.wait(_LEASE_S)
    await queue.open()
    [receipt] = await _put(queue, name)
    await queue.close()
    return receipt


def _names(letters: Sequence[object]) -> list[str]:
    return [str(getattr(letter, "event_id", "")) for letter in letters]


class QueueConformance:
    """Kept once, handled by one at a time and in order, and never forgotten before it is done."""

    async def test_a_new_event_is_kept_and_a_repeat_is_known_from_wherever_it_comes(
        self, queue: Queue, other: Queue
    ) -> None:
        assert await _put(queue, "a1", "b1", "a1") == [Receipt.NEW, Receipt.NEW, Receipt.REPEAT]
        assert await _put(other, "b1", "c1") == [Receipt.REPEAT, Receipt.NEW]
        assert await queue.depth() == Depth(3, 0)

    async def test_it_exists_once_an_event_was_kept_and_asking_makes_nothing(
        self, make: Make
    ) -> None:
        queue, other = make(), make()
        assert [await queue.exists(), await other.exists(), await queue.exists()] == [False] * 3
        await queue.open()
        await _put(queue, "a1")
        assert [await queue.exists(), await other.exists()] == [True, True]
        await queue.close()
        await other.close()

    async def test_many_may_open_a_store_that_is_not_there_yet_at_once(self, make: Make) -> None:
        count = 8
        ready = threading.Barrier(count)

        def opened(number: int) -> Receipt:
            return asyncio.run(_opened_beside_others(make(), ready, f"a{number}"))

        with ThreadPoolExecutor(count) as threads:
            receipts = await asyncio.to_thread(lambda: list(threads.map(opened, range(count))))
        assert receipts == [Receipt.NEW] * count

    async def test_the_same_event_at_the_same_time_is_new_once(
        self, queue: Queue, other: Queue
    ) -> None:
        both = [_put(each, "a1", "b1") for each in (queue, other) for _ in range(5)]
        receipts = [receipt for part in await asyncio.gather(*both) for receipt in part]
        assert receipts.count(Receipt.NEW) == 2
        assert await other.depth() == Depth(2, 0)

    async def test_what_is_put_in_opposite_orders_at_once_is_all_kept(
        self, queue: Queue, other: Queue
    ) -> None:
        names = [f"{lane}{number}" for number in range(8) for lane in "abcdef"]
        await asyncio.gather(
            *(_put(queue, *names), _put(other, *reversed(names))),
            *(_put(queue, *names[10:]), _put(other, *reversed(names[:30]))),
        )
        assert await queue.depth() == Depth(len(names), 0)

    async def test_an_event_comes_whole_to_one_taker_and_its_lane_waits_for_it(
        self, queue: Queue, other: Queue
    ) -> None:
        await _put(queue, "a1", "a2", "b1")
        assert await _take(queue, limit=1) == {"a1": Taken("a1", "a", b"body of a1", 1)}
        assert list(await _take(other, "o")) == ["b1"]
        assert await _take(queue) == {}

    async def test_many_takers_take_each_event_once(self, queue: Queue, other: Queue) -> None:
        lanes = "abcdefghijklmnopqrst"
        await _put(queue, *(f"{lane}1" for lane in lanes))
        takes = [_take(each, f"h{n}", 3) for n in range(10) for each in (queue, other)]
        found = [name for part in await asyncio.gather(*takes) for name in part]
        while part := await _take(queue):
            found += part
        assert sorted(found) == [f"{lane}1" for lane in lanes]

    async def test_what_is_handled_makes_way_for_the_next_of_its_lane(
        self, queue: Queue, other: Queue
    ) -> None:
        await _put(queue, "a1", "a2")
        await _settle(queue, "h", settled((await _take(queue))["a1"], Verdict.HANDLED))
        second = (await _take(other, "o"))["a2"]
        await _settle(other, "o", settled(second, Verdict.HANDLED))
        assert await _take(queue) == {}
        assert await queue.depth() == Depth(0, 0)

    async def test_arrivals_and_settlements_go_in_one_commit(self, queue: Queue) -> None:
        await _put(queue, "a1")
        ends = [settled((await _take(queue))["a1"], Verdict.HANDLED)]
        assert await queue.commit("h", _arrivals("a2", "a1"), ends) == [
            Receipt.NEW,
            Receipt.REPEAT,
        ]
        assert list(await _take(queue)) == ["a2"]

    async def test_a_retry_comes_when_it_is_due_and_its_lane_waits(
        self, queue: Queue, pass_time: PassTime
    ) -> None:
        await _put(queue, "a1", "a2", "b1")
        taken = await _take(queue)
        again = settled(taken["a1"], Verdict.RETRY, error="the CRM is down", delay_s=30)
        await _settle(queue, "h", again, settled(taken["b1"], Verdict.HANDLED))
        await _put(queue, "a3")
        await pass_time(25)
        assert await _take(queue) == {}
        await pass_time(5)
        assert await _take(queue) == {"a1": Taken("a1", "a", b"body of a1", 2)}

    async def test_what_is_given_up_is_listed_and_its_lane_goes_on(self, queue: Queue) -> None:
        await _bury(queue, "a1", "b1", "c1")
        await _put(queue, "a2")
        assert list(await _take(queue)) == ["a2"]
        first, *rest = await queue.dead_letters()
        assert (first.event_id, first.lane, first.body) == ("a1", "a", b"body of a1")
        assert (first.attempts, first.error) == (1, "the CRM said no")
        assert _names(rest) == ["b1", "c1"]
        assert _names(await queue.dead_letters(first.place, 1)) == ["b1"]
        assert await queue.depth() == Depth(1, 3)

    async def test_a_repeat_does_not_revive_a_dead_letter(self, queue: Queue) -> None:
        await _bury(queue, "a1")
        assert await _put(queue, "a1") == [Receipt.DEAD_LETTER]
        assert await _take(queue) == {}
        assert _names(await queue.dead_letters()) == ["a1"]

    async def test_a_dead_letter_is_tried_anew_before_what_waits_behind_it(
        self, queue: Queue, other: Queue
    ) -> None:
        await _bury(queue, "a1", "b1")
        await _put(queue, "a2")
        assert await other.retry_dead(["a1", "unknown", "a2"]) == 1
        assert await _take(queue) == {"a1": Taken("a1", "a", b"body of a1", 1)}
        assert _names(await queue.dead_letters()) == ["b1"]

    async def test_a_dead_letter_comes_back_while_its_lane_is_held(self, queue: Queue) -> None:
        await _bury(queue, "a1")
        await _put(queue, "a2")
        held = (await _take(queue))["a2"]
        await queue.retry_dead(["a1"])
        assert await _take(queue) == {}
        await _settle(queue, "h", settled(held, Verdict.HANDLED))
        assert list(await _take(queue)) == ["a1"]
        assert await queue.depth() == Depth(1, 0)

    async def test_all_dead_letters_are_tried_anew_or_dropped_at_once(self, queue: Queue) -> None:
        await _bury(queue, "a1", "b1", "a2")
        assert await queue.retry_dead() == 3
        assert await queue.dead_letters() == []
        ends = [settled(taken, Verdict.DEAD) for taken in (await _take(queue)).values()]
        await _settle(queue, "h", *ends)
        assert await queue.drop_dead() == 2
        assert await queue.drop_dead() == 0
        assert await queue.depth() == Depth(1, 0)

    async def test_a_dropped_dead_letter_counts_as_handled(
        self, queue: Queue, pass_time: PassTime
    ) -> None:
        await _bury(queue, "a1")
        assert await queue.drop_dead(["a1", "unknown"]) == 1
        assert await _put(queue, "a1") == [Receipt.REPEAT]
        await pass_time(_TWO_DAYS_S)
        await queue.forget()
        assert await _put(queue, "a1") == [Receipt.NEW]

    async def test_a_handled_event_is_known_for_two_days(
        self, queue: Queue, pass_time: PassTime
    ) -> None:
        await _put(queue, "a1", "b1")
        await _settle(queue, "h", settled((await _take(queue))["a1"], Verdict.HANDLED))
        await pass_time(_TWO_DAYS_S - 60)
        await queue.forget()
        assert await _put(queue, "a1") == [Receipt.REPEAT]
        await pass_time(60)
        await queue.forget()
        assert await _put(queue, "a1", "b1") == [Receipt.NEW, Receipt.REPEAT]

    async def test_dead_letters_and_waiting_events_are_kept_however_old(
        self, queue: Queue, pass_time: PassTime
    ) -> None:
        await _bury(queue, "a1")
        await _put(queue, "b1")
        await pass_time(30 * 24 * 3600)
        await queue.forget()
        assert await queue.depth() == Depth(1, 1)
        assert list(await _take(queue)) == ["b1"]

    async def test_what_a_dead_process_held_comes_back_and_counts_as_tried(
        self, queue: Queue, other: Queue, pass_time: PassTime
    ) -> None:
        await _put(queue, "a1", "a2")
        await _take(queue, "dead")
        await pass_time(_LEASE_S - 5)
        assert await _take(other, "o") == {}
        await pass_time(5)
        assert await _take(other, "o") == {"a1": Taken("a1", "a", b"body of a1", 2)}
        assert await _take(queue) == {}

    async def test_who_renews_keeps_what_it_holds(
        self, queue: Queue, other: Queue, pass_time: PassTime
    ) -> None:
        await _put(queue, "a1", "b1")
        await _take(queue, "alive")
        await pass_time(_LEASE_S - 5)
        await queue.renew("alive", ["a"], _LEASE_S)
        await other.renew("o", ["b"], _LEASE_S)
        await pass_time(10)
        assert list(await _take(other, "o")) == ["b1"]

    async def test_who_was_taken_over_settles_nothing_but_what_was_done(
        self, queue: Queue, other: Queue, pass_time: PassTime
    ) -> None:
        await _put(queue, "a1", "b1", "c1", "c2")
        slow = await _take(queue, "slow")
        await pass_time(_LEASE_S)
        quick = await _take(other, "quick")
        ends = [settled(slow["a1"], Verdict.RETRY), settled(slow["b1"], Verdict.DEAD)]
        await _settle(queue, "slow", *ends, settled(slow["c1"], Verdict.HANDLED))
        assert await _take(queue, "slow") == {}
        assert await queue.depth() == Depth(3, 0)
        await _settle(other, "quick", *(settled(each, Verdict.HANDLED) for each in quick.values()))
        assert list(await _take(queue)) == ["c2"]
        assert await queue.depth() == Depth(1, 0)

    async def test_a_lane_whose_event_was_done_after_all_is_left(
        self, queue: Queue, other: Queue, pass_time: PassTime
    ) -> None:
        await _put(queue, "a1")
        slow = await _take(queue, "slow")
        await pass_time(_LEASE_S)
        await _take(other, "died")
        await _settle(queue, "slow", settled(slow["a1"], Verdict.HANDLED))
        await pass_time(_LEASE_S)
        assert await _take(queue) == {}
        await _put(queue, "a2")
        assert list(await _take(queue)) == ["a2"]

    async def test_a_settlement_told_twice_changes_nothing(
        self, queue: Queue, other: Queue
    ) -> None:
        await _put(queue, "a1", "a2")
        end = settled((await _take(queue))["a1"], Verdict.RETRY)
        await _settle(queue, "h", end)
        taken = await _take(other, "o")
        await _settle(queue, "h", end)
        assert await _take(queue) == {}
        await _settle(other, "o", settled(taken["a1"], Verdict.HANDLED))
        assert list(await _take(queue)) == ["a2"]

    async def test_what_is_given_back_is_free_at_once_and_counts_as_not_tried(
        self, queue: Queue, other: Queue
    ) -> None:
        await _put(queue, "a1")
        await _settle(queue, "h", settled((await _take(queue))["a1"], Verdict.RELEASED))
        assert await _take(other, "o") == {"a1": Taken("a1", "a", b"body of a1", 1)}

    async def test_bytes_and_names_of_any_kind_come_back_as_they_were(self, queue: Queue) -> None:
        odd = Arrival("é:{}'\"%s", "ключ * [x]", bytes(range(256)))
        await queue.commit("h", [odd], [])
        [taken] = await queue.take("h", 10, _LEASE_S)
        assert (taken.event_id, taken.lane, taken.body) == (odd.event_id, odd.lane, odd.body)
        await _settle(queue, "h", settled(taken, Verdict.DEAD, error="naïve\n"))
        [letter] = await queue.dead_letters()
        assert (letter.body, letter.error) == (odd.body, "naïve\n")
