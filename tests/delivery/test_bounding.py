"""A process alone asks nobody; one of several sends within what it was granted."""

from collections.abc import Sequence
from math import inf

import pytest
from pieces import delivery, endpoint

from offhook.delivery.bounds.bounding import Bounding
from offhook.delivery.bounds.sharing import BoundAsk, BoundGrant, BoundKind
from offhook.delivery.queueing.queues import EndpointQueue, Queues
from offhook.delivery.queueing.rate import rate_limit
from offhook.testing.clock import FakeClock

TTL_S = 6.0


class Desk:
    """The bounds of one process, and a store that grants what it is told to."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.queues = Queues()
        self.bounding = Bounding(
            store=self, queues=self.queues, clock=self.clock, owner="me", ttl_s=TTL_S
        )
        self.asked: list[Sequence[BoundAsk]] = []
        self.allowed = 16
        self.crowded = False
        self.is_alone = True
        self.away = False

    async def share(self, owner: str, asks: Sequence[BoundAsk], ttl_s: float) -> list[BoundGrant]:
        assert (owner, ttl_s) == ("me", TTL_S)
        self.asked.append(asks)
        if self.away:
            raise OSError("away")
        return [
            BoundGrant(it.webhook, it.kind, min(self.allowed, it.bound), self.crowded)
            for it in asks
        ]

    async def alone(self, owner: str) -> bool:
        assert owner == "me"
        if self.away:
            raise OSError("away")
        return self.is_alone

    async def run(self, *, holds_all: bool = False) -> None:
        await self.bounding.run(holds_all=holds_all)

    async def pass_time(self, seconds: float, *, holds_all: bool = False) -> None:
        for _ in range(round(seconds / 0.05)):
            self.clock.advance(0.05)
            await self.run(holds_all=holds_all)

    def queue(self, name: str = "crm", *, waiting: int = 5, **given: object) -> EndpointQueue:
        queue = self.queues.of(endpoint(name, **given))
        for number in range(waiting):
            queue.offer(delivery(number + 1, f"k{number}", webhook=queue.endpoint.id))
        self.queues.stir(queue)
        return queue

    def registered(self) -> bool:
        return self.bounding.registered

    def come_back(self, queue: EndpointQueue, key: str) -> None:
        queue.pass_on(key)
        self.queues.stir(queue)

    def send(self) -> int:
        """Take and begin as many as may go."""
        sent, now_s = 0, self.clock.monotonic()
        while (turn := self.queues.next(now_s)) is not None:
            assert turn[0].begin(now_s)
            sent += 1
        return sent


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_who_holds_all_and_is_alone_asks_nothing_and_has_every_bound_whole(
    desk: Desk,
) -> None:
    await desk.run(holds_all=True)
    desk.queue(max_in_flight=4, rate_limit=rate_limit(3))
    await desk.pass_time(5, holds_all=True)
    assert (desk.asked, desk.send()) == ([], 3)


async def test_who_holds_all_shares_until_nobody_elses_share_counts(desk: Desk) -> None:
    desk.is_alone = False
    desk.queue()
    desk.allowed = 2
    await desk.run(holds_all=True)
    assert desk.send() == 2
    desk.is_alone = True
    await desk.pass_time(1, holds_all=True)
    assert desk.send() == 2
    asked = len(desk.asked)
    await desk.pass_time(5, holds_all=True)
    assert len(desk.asked) == asked


async def test_nothing_goes_before_it_is_granted_and_all_that_is_due_is_asked_in_one(
    desk: Desk,
) -> None:
    desk.queue("crm", rate_limit=rate_limit(2))
    desk.queue("ads")
    assert desk.send() == 0
    await desk.run()
    [asks] = desk.asked
    assert {(it.webhook, it.kind, it.wanted) for it in asks} == {
        ("wh_crm", BoundKind.IN_FLIGHT, 5),
        ("wh_crm", BoundKind.RATE, 5),
        ("wh_ads", BoundKind.IN_FLIGHT, 5),
    }
    assert desk.send() == 2 + 4


async def test_who_shares_and_has_nothing_to_send_waits(desk: Desk) -> None:
    await desk.run()
    assert (desk.asked, desk.bounding.due_in_s()) == ([], inf)


async def test_a_share_is_renewed_before_it_runs_out_and_let_go_when_nothing_needs_it(
    desk: Desk,
) -> None:
    queue = desk.queue(waiting=1)
    await desk.run()
    desk.send()
    await desk.pass_time(2 * TTL_S)
    assert 8 <= len(desk.asked) <= 14
    assert all(it.wanted == it.used == 1 for asks in desk.asked[1:] for it in asks)
    desk.come_back(queue, "k0")
    await desk.pass_time(5)
    assert desk.asked[-1][0].wanted == 0
    asked = len(desk.asked)
    await desk.pass_time(5)
    assert len(desk.asked) == asked
    desk.queue(waiting=1)
    await desk.run()
    assert (len(desk.asked), desk.send()) == (asked + 1, 1)


async def test_while_the_store_is_away_no_more_is_used_than_it_knows_of_and_then_nothing(
    desk: Desk,
) -> None:
    queue = desk.queue(waiting=9, max_in_flight=9)
    desk.allowed = 4
    await desk.run()
    assert desk.send() == 4
    desk.away = True
    desk.come_back(queue, "k0")
    desk.come_back(queue, "k1")
    await desk.pass_time(1)
    assert len(desk.asked) == 2
    assert desk.send() == 0
    desk.come_back(queue, "k2")
    assert desk.send() == 1
    await desk.pass_time(TTL_S)
    desk.come_back(queue, "k4")
    assert desk.send() == 0
    desk.away = False
    await desk.pass_time(1)
    assert desk.send() == 3


async def test_a_share_that_shrank_is_handed_over_as_it_comes_free(desk: Desk) -> None:
    queue = desk.queue(waiting=8, max_in_flight=8)
    await desk.run()
    assert desk.send() == 8
    desk.allowed = 3
    await desk.pass_time(1)
    for key in ("k0", "k1", "k2", "k3", "k4"):
        desk.come_back(queue, key)
    before = desk.clock.monotonic()
    while desk.asked[-1][0].used > 3:
        await desk.pass_time(0.05)
    assert desk.clock.monotonic() - before <= 0.5


async def test_turns_are_asked_about_often_and_a_slow_rate_not_in_vain(desk: Desk) -> None:
    desk.crowded, desk.allowed = True, 0
    desk.queue("crm", max_in_flight=1)
    await desk.pass_time(2)
    assert len(desk.asked) == pytest.approx(20, abs=3)
    desk.asked.clear()
    slow = Desk()
    slow.crowded, slow.allowed = True, 0
    slow.queue(rate_limit=rate_limit(0.1))
    await slow.pass_time(2)
    assert len(slow.asked) <= 5


async def test_what_is_in_use_is_registered_before_partitions_may_go(desk: Desk) -> None:
    await desk.run(holds_all=True)
    queue = desk.queue(rate_limit=rate_limit(2))
    assert desk.send() == 2
    assert not desk.registered()
    desk.away = True
    await desk.run()
    assert not desk.registered()
    assert queue.in_flight == 2
    desk.away = False
    await desk.pass_time(1)
    assert desk.registered()
    assert {(it.kind, it.used) for it in desk.asked[0]} == {
        (BoundKind.IN_FLIGHT, 2),
        (BoundKind.RATE, 2),
    }


async def test_at_the_end_all_is_left_to_others_but_what_began_within_the_window(
    desk: Desk,
) -> None:
    desk.queue("crm", rate_limit=rate_limit(2))
    desk.queue("ads")
    await desk.run()
    desk.send()
    desk.asked.clear()
    await desk.bounding.finish()
    [asks] = desk.asked
    assert {(it.webhook, it.kind, it.wanted, it.used) for it in asks} == {
        ("wh_crm", BoundKind.IN_FLIGHT, 0, 0),
        ("wh_crm", BoundKind.RATE, 0, 2),
        ("wh_ads", BoundKind.IN_FLIGHT, 0, 0),
    }


async def test_what_was_granted_before_a_first_partition_is_void_with_it(desk: Desk) -> None:
    """Whoever held all partitions until then had every bound whole, and asked nobody."""
    desk.queue()
    await desk.run()
    desk.bounding.begin_anew()
    assert desk.send() == 0
    await desk.run()
    assert desk.send() > 0


async def test_what_was_taken_begins_only_if_what_is_granted_by_then_covers_it(desk: Desk) -> None:
    """A process may sleep in between, while others are granted what it had."""
    queue = desk.queue(rate_limit=rate_limit(2))
    await desk.run(holds_all=True)
    taken = [desk.queues.next(0.0), desk.queues.next(0.0)]
    assert None not in taken
    desk.allowed = 0
    await desk.run()
    assert not queue.begin(desk.clock.monotonic())
    desk.allowed = 2
    await desk.pass_time(1.5)
    assert queue.begin(desk.clock.monotonic())


async def test_who_lost_a_partition_has_nothing_whole_from_that_moment(desk: Desk) -> None:
    desk.queue()
    await desk.run(holds_all=True)
    assert desk.send() > 0
    desk.queue("ads")
    desk.bounding.part()
    assert desk.send() == 0


async def test_of_an_endpoint_enabled_again_before_an_answer_came_one_thing_is_asked() -> None:
    desk = Desk()
    desk.bounding.part()
    before = desk.queue("crm")
    before.in_flight = 1
    desk.queues.stir(before)
    desk.away = True
    await desk.run()
    desk.queues.close(before.endpoint.id)
    desk.queues.stir(desk.queue("crm"))
    await desk.run()
    desk.away = False
    desk.clock.advance(1.5)
    await desk.run()
    assert [it.webhook for it in desk.asked[-1]] == [before.endpoint.id]
    assert all(len({(it.webhook, it.kind) for it in asks}) == len(asks) for asks in desk.asked)
    assert desk.queues.of(before.endpoint).share is not None
