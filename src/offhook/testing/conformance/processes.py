"""What several processes over one store guarantee together: real dispatchers, stepped by hand.

Subclass with the fixtures ``shared`` (a ``SharedStore`` of some partitions, whose account exists)
and ``clock``.
"""

import math

import pytest

from offhook.delivery.engine.dispatcher import Bounds
from offhook.delivery.entries import Answer
from offhook.delivery.health import HealthStatus
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.testing.clock import FakeClock
from offhook.testing.engine import in_order
from offhook.testing.processes import Processes, SharedStore

URL = "https://crm.example/hook"
KEYS = [f"k{number}" for number in range(24)]
BOUNDS = Bounds(lease_s=6.0, give_back_s=2.0, stop_s=0.05)


@pytest.fixture
def processes(shared: SharedStore, clock: FakeClock) -> Processes:
    """None yet."""
    return Processes(shared, clock, BOUNDS)


class RebalancingConformance:
    """Partitions are where they should be, and nothing is lost, doubled or overtaken by a move."""

    async def test_a_newcomer_has_its_share_within_a_second(
        self, processes: Processes, shared: SharedStore
    ) -> None:
        first = processes.start("a")
        await first.bench.webhook("crm")
        await first.bench.post(*KEYS, *KEYS)
        await processes.until(lambda: len(processes.receivers.accepted) == 2 * len(KEYS))
        for name in "bc":
            processes.start(name)
            took_s = await processes.until(lambda: _even(processes, shared.log.partitions))
            assert took_s <= 1.0
        await first.bench.post(*KEYS)
        await processes.until(lambda: len(processes.receivers.accepted) == 3 * len(KEYS))
        assert all(processes.receivers.sequences(key, URL) == [1, 2, 3] for key in KEYS)
        assert sum(processes.shares().values()) == shared.log.partitions

    async def test_what_one_that_stops_had_is_taken_within_a_second(
        self, processes: Processes, shared: SharedStore
    ) -> None:
        for name in "abc":
            processes.start(name)
        await processes.until(lambda: _even(processes, shared.log.partitions))
        await processes.stop("b")
        assert await processes.until(lambda: _even(processes, shared.log.partitions)) <= 1.0

    async def test_what_one_that_died_had_is_taken_over_within_ten_seconds(
        self, processes: Processes, shared: SharedStore
    ) -> None:
        first = processes.start("a")
        await first.bench.webhook("crm")
        processes.start("b")
        await processes.until(lambda: _even(processes, shared.log.partitions))
        await processes.pass_time(1.9)
        processes.kill("b")
        await first.bench.post(*KEYS)
        took_s = await processes.until(lambda: len(processes.receivers.accepted) == len(KEYS))
        assert took_s <= 10.0

    async def test_a_partition_moves_once_what_is_in_flight_came_back(
        self, processes: Processes, shared: SharedStore
    ) -> None:
        first = processes.start("a")
        await first.bench.webhook("crm", max_in_flight=1000)
        processes.receivers.hold = lambda _: True
        keys = [f"k{number}" for number in range(6 * shared.log.partitions)]
        await first.bench.post(*keys, *keys)
        await processes.until(lambda: len(processes.receivers.begun[URL]) == len(keys))
        processes.start("b")
        await processes.pass_time(1)
        assert processes.shares() == {"a": shared.log.partitions, "b": 0}
        processes.receivers.hold = lambda _: False
        processes.receivers.answer()
        await processes.until(lambda: len(processes.receivers.accepted) == 2 * len(keys))
        assert _even(processes, shared.log.partitions)
        assert all(processes.receivers.sequences(key, URL) == [1, 2] for key in keys)

    async def test_what_takes_too_long_is_sent_again_by_the_new_owner_in_order(
        self, processes: Processes, shared: SharedStore
    ) -> None:
        first = processes.start("a")
        await first.bench.webhook("crm", max_in_flight=100)
        processes.receivers.hold = lambda _: len(processes.alive) == 1
        await first.bench.post(*KEYS, *KEYS)
        await processes.until(lambda: len(processes.receivers.begun[URL]) == len(KEYS))
        processes.start("b")
        took_s = await processes.until(lambda: _even(processes, shared.log.partitions))
        assert 2.0 <= took_s <= 3.0
        await processes.pass_time(1)
        processes.receivers.answer()
        await processes.pass_time(1)
        for key in KEYS:
            took = processes.receivers.sequences(key, URL)
            assert set(took) == {1, 2}
            assert in_order(took)

    async def test_one_that_slept_past_its_lease_sends_nothing_new_and_writes_nothing(
        self, processes: Processes, shared: SharedStore
    ) -> None:
        first = processes.start("a")
        await first.bench.webhook("crm", max_in_flight=100)
        processes.receivers.hold = lambda _: True
        await first.bench.post(*KEYS)
        await processes.until(lambda: len(processes.receivers.begun[URL]) == len(KEYS))
        first.asleep = True
        await first.bench.post(*KEYS)
        processes.start("b")
        processes.receivers.hold = lambda _: False
        await processes.until(lambda: len(processes.receivers.accepted) == 2 * len(KEYS), 10)
        begun = len(processes.receivers.begun[URL])
        processes.receivers.answer()
        first.asleep = False
        await processes.pass_time(3)
        assert len(processes.receivers.begun[URL]) == begun
        assert _even(processes, shared.log.partitions)
        for key in KEYS:
            assert processes.receivers.sequences(key, URL)[:2] == [1, 2]


class SharedBoundsConformance:
    """An endpoint's bounds hold over all processes, whatever becomes of them."""

    async def test_no_more_are_in_flight_than_allowed_while_processes_come_go_and_die(
        self, processes: Processes
    ) -> None:
        await self._live(processes, max_in_flight=5)
        assert processes.receivers.most_in_flight[URL] == 5

    async def test_a_bound_smaller_than_the_number_of_processes_goes_round(
        self, processes: Processes
    ) -> None:
        await self._live(processes, max_in_flight=1)
        assert processes.receivers.most_in_flight[URL] == 1

    @pytest.mark.parametrize("rate", [7, 2.5, 0.8])
    async def test_no_more_begin_within_any_window_than_allowed(
        self, processes: Processes, rate: float
    ) -> None:
        await self._live(processes, rate_limit_per_s=rate, posts=2)
        count = max(1, math.floor(rate))
        assert 0 < processes.receivers.most_begun_within(count / rate, URL) <= count

    async def test_who_takes_over_from_one_that_died_counts_what_that_one_may_have_begun(
        self, processes: Processes
    ) -> None:
        first = processes.start("a")
        await first.bench.webhook("crm", rate_limit_per_s=0.1)
        await first.bench.post("x")
        await processes.pass_time(1)
        await first.bench.post("x")
        processes.kill("a")
        processes.start("b")
        await processes.until(lambda: len(processes.receivers.accepted) == 2)
        assert processes.receivers.most_begun_within(10, URL) == 1

    async def test_who_follows_one_that_stopped_counts_what_that_one_began(
        self, processes: Processes
    ) -> None:
        first = processes.start("a")
        await first.bench.webhook("crm", rate_limit_per_s=0.25)
        await first.bench.post("x")
        await processes.pass_time(1)
        await first.bench.post("x")
        await processes.stop("a")
        processes.start("b")
        await processes.until(lambda: len(processes.receivers.accepted) == 2)
        assert processes.receivers.most_begun_within(4, URL) == 1

    async def test_who_is_alone_in_wanting_uses_all_of_it(
        self, processes: Processes, shared: SharedStore
    ) -> None:
        for name in "abc":
            processes.start(name)
        await processes.until(lambda: _even(processes, shared.log.partitions))
        bench = processes.alive["a"].bench
        await bench.webhook("crm", max_in_flight=9, ordered=False)
        processes.receivers.hold = lambda _: True
        await bench.post(*["one"] * 20)
        await processes.until(lambda: len(processes.receivers.begun[URL]) == 9, 2)

    async def test_all_who_want_get_their_share(
        self, processes: Processes, shared: SharedStore
    ) -> None:
        for name in "abcd":
            processes.start(name)
        await processes.until(lambda: _even(processes, shared.log.partitions))
        bench = processes.alive["a"].bench
        await bench.webhook("crm", max_in_flight=2, ordered=False)
        processes.receivers.hold = lambda _: True
        await bench.post(*[f"many-{number}" for number in range(400)])
        sent = dict.fromkeys(processes.alive, 0)
        for _ in range(200):
            await processes.pass_time(0.05)
            processes.receivers.answer()
            for name, process in processes.alive.items():
                sent[name] = len(process.bench.network.requests)
        assert min(sent.values()) * 4 > max(sent.values()) > 0
        assert processes.receivers.most_in_flight[URL] == 2

    async def test_one_slow_endpoint_takes_no_share_of_another(
        self, processes: Processes, shared: SharedStore
    ) -> None:
        first = processes.start("a")
        processes.start("b")
        await processes.until(lambda: _even(processes, shared.log.partitions))
        await first.bench.webhook("slow", rate_limit_per_s=0.1)
        await first.bench.webhook("crm")
        await first.bench.post(*KEYS)
        took_s = await processes.until(
            lambda: sum(it.url == URL for it in processes.receivers.accepted) == len(KEYS)
        )
        assert took_s <= 2.0

    async def _live(self, processes: Processes, posts: int = 6, **bounds: float) -> None:
        """Processes join, stop, sleep and die while there is always something to send; all is
        delivered in order in the end."""
        receivers, posted = processes.receivers, 0
        bench = processes.start("a").bench
        await bench.webhook("crm", retry={"delays_s": [1], "until_s": 3600}, **bounds)
        receivers.hold = lambda _: True

        async def work(seconds: float) -> None:
            for _ in range(round(seconds / 0.1)):
                await processes.pass_time(0.1)
                receivers.answer(3)

        async def more() -> None:
            nonlocal posted
            posted += 1
            if posted <= posts:
                await bench.post(*KEYS)

        await more()
        await work(1)
        for name in "bcd":
            processes.start(name)
            await more()
            await work(1.5)
        processes.alive["b"].asleep = True
        await more()
        await work(1.5)
        processes.kill("c")
        await more()
        await work(8)
        processes.alive["b"].asleep = False
        processes.start("e")
        await work(2)
        await processes.stop("d")
        await more()
        await work(2)
        receivers.hold = lambda _: False
        receivers.answer()
        wanted = set(range(1, min(posted, posts) + 1))
        await processes.until(
            lambda: all(set(receivers.sequences(key, URL)) == wanted for key in KEYS), 300
        )
        assert all(in_order(receivers.sequences(key, URL)) for key in KEYS)


class SharedHealthConformance:
    """What is shown of an endpoint's health is what all processes see together."""

    async def test_failures_of_all_processes_add_up_until_one_succeeds(
        self, processes: Processes, shared: SharedStore
    ) -> None:
        first = processes.start("a")
        processes.start("b")
        await processes.until(lambda: _even(processes, shared.log.partitions))
        webhook = await first.bench.webhook("crm", retry={"delays_s": [9], "until_s": 3600})
        processes.receivers.reply = lambda _: Answer(503)
        await first.bench.post(*KEYS)
        await processes.pass_time(3)
        stored = await shared.webhooks.webhook(DEFAULT_ACCOUNT, webhook)
        assert stored is not None
        assert (stored.health.status, stored.health.failures) == (HealthStatus.FAILING, len(KEYS))
        processes.receivers.reply = lambda _: Answer(200)
        await processes.pass_time(9)
        stored = await shared.webhooks.webhook(DEFAULT_ACCOUNT, webhook)
        assert stored is not None
        assert (stored.health.status, stored.health.failures) == (HealthStatus.HEALTHY, 0)
        assert stored.health.last_success_ms is not None


def _even(processes: Processes, partitions: int) -> bool:
    counts = processes.shares().values()
    return sum(counts) == partitions and max(counts) - min(counts) <= 1
