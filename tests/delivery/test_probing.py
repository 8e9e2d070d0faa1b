"""However many circuits are half open, a step chooses for a few of them, and all get their turn."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest
from pieces import subscribe

from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.probing import Prober
from offhook.delivery.engine.router import Router
from offhook.delivery.entries import Lane, PartitionChanges, PendingState
from offhook.delivery.queueing.circuit import CircuitState
from offhook.delivery.queueing.queues import Delivery, EndpointQueue, Queues
from offhook.delivery.subscriptions import Subscriptions, endpoint_of
from offhook.log.entries import LogSlice
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.store.sqlite.connection import Connection
from offhook.store.sqlite.database import Database
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import lease_for, pending_for, placed, plain

T = TypeVar("T")

ENDPOINTS = 200
A_STEP = 64


class Desk:
    """A prober over a real store, and endpoints that all wait for a probe."""

    def __init__(self, store: SqliteStore, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.queues = Queues()
        router = Router(store=store.dispatch, queues=self.queues, memory_bound=1_000)
        self.prober = Prober(
            log=store.log, store=store.dispatch, router=router, queues=self.queues, clock=clock
        )
        self.waiting: list[EndpointQueue] = []
        self.flow: PartitionFlow
        self.subscriptions: Subscriptions

    async def prepare(self, *, rows: bool) -> None:
        """Each has a row that is not due, or an event in a range of its own."""
        made = [await subscribe(self.store, str(n)) for n in range(ENDPOINTS)]
        self.subscriptions = Subscriptions(1, [endpoint_of(stored) for stored in made])
        [event] = await placed(self.store, plain("a"))
        lease = await lease_for(self.store, "a")
        self.flow = PartitionFlow(lease)
        self.flow.live.read(event.position)
        if rows:
            far_ms = 1 << 50
            pending = [
                pending_for(event, PendingState.RETRY, webhook=stored.id, due_ms=far_ms)
                for stored in made
            ]
            changes = PartitionChanges(lease, event.position, rows=tuple(pending))
            await self.store.dispatch.apply([changes])
        for endpoint in self.subscriptions.endpoints.values():
            if not rows:
                self.flow.hold(endpoint.id, event.position)
            self.wait_for_a_probe(self.queues.of(endpoint), fresh=not rows)

    def wait_for_a_probe(self, queue: EndpointQueue, *, fresh: bool) -> None:
        circuit = queue.circuit
        circuit.state, circuit.may_choose, circuit.fresh = CircuitState.HALF_OPEN, True, fresh
        self.queues.rest(queue)
        self.waiting.append(queue)

    async def step(self) -> bool:
        return await self.prober.run([self.flow], self.subscriptions)

    @property
    def chosen(self) -> list[EndpointQueue]:
        return [queue for queue in self.waiting if queue.size]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
    yield Desk(store, clock)
    await store.close()


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Each time that the store is read."""
    asked: list[str] = []
    read = Database.read

    def counting(self: Database, work: Callable[[Connection], T]) -> T:
        asked.append("read")
        return read(self, work)

    with monkeypatch.context() as patched:
        patched.setattr(Database, "read", counting)
        yield asked


async def test_a_step_chooses_rows_for_many_endpoints_at_once_and_for_so_many_only(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.prepare(rows=True)
    with counted(monkeypatch) as asked:
        assert await desk.step()
    assert len(desk.chosen) == A_STEP
    assert len(asked) == 1
    assert await desk.step()
    assert await desk.step()
    assert not await desk.step()
    assert len(desk.chosen) == ENDPOINTS


async def test_a_step_looks_into_the_log_for_so_many_only(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.prepare(rows=False)
    with counted(monkeypatch) as asked:
        assert await desk.step()
    assert len(desk.chosen) == A_STEP
    assert len(asked) <= A_STEP
    while await desk.step():
        pass
    assert len(desk.chosen) == ENDPOINTS


async def test_those_that_wait_again_soon_keep_no_others_from_their_turn(desk: Desk) -> None:
    await desk.prepare(rows=True)
    probed = set[EndpointQueue]()
    for _ in range(4):
        await desk.step()
        for queue in desk.chosen:
            probed.add(queue)
            delivery = queue.take()
            desk.flow.let_go(delivery)
            queue.pass_on(delivery.lane)
            queue.circuit.may_choose = True
        desk.flow.busy.clear()
    assert len(probed) == ENDPOINTS


async def _fall_behind(desk: Desk, keys: list[str], **fields: object) -> EndpointQueue:
    """One endpoint, with a range of all these events, that waits for a probe."""
    stored = await subscribe(desk.store, "crm", **fields)
    desk.subscriptions = Subscriptions(1, [endpoint_of(stored)])
    events = await placed(desk.store, *(plain(key, n) for n, key in enumerate(keys)))
    desk.flow = PartitionFlow(await lease_for(desk.store, keys[0]))
    desk.flow.live.read(events[-1].position)
    desk.flow.hold(stored.id, events[0].position)
    queue = desk.queues.of(desk.subscriptions.endpoints[stored.id])
    desk.wait_for_a_probe(queue, fresh=True)
    return queue


async def test_a_turn_goes_on_looking_where_the_last_one_ended(desk: Desk) -> None:
    queue = await _fall_behind(desk, ["a"] * 5_000 + ["b"], filter="data.number == 5000")
    assert await desk.step()
    assert (queue.size, queue.circuit.may_choose, queue.circuit.seeks_fresh) == (0, True, False)
    await desk.step()
    assert queue.size == 1
    assert desk.flow.ranges[queue.endpoint.id].progress.read_to == 5_000


async def test_what_nobody_wants_is_no_range_for_ever(desk: Desk) -> None:
    queue = await _fall_behind(desk, ["a"] * 50, filter="data.number < 0")
    await desk.step()
    assert desk.flow.ranges[queue.endpoint.id].met
    assert queue.circuit.idle


async def test_after_looking_in_vain_most_of_the_time_is_left_to_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = await _fall_behind(desk, ["a"] * 50, filter="data.number < 0")
    read = desk.store.log.read

    async def slowly(*given: int) -> LogSlice:
        desk.clock.advance(0.5)
        return await read(*given)

    monkeypatch.setattr(desk.store.log, "read", slowly)
    await desk.step()
    assert desk.prober.due_in_s() == pytest.approx(2.0)
    desk.flow.hold(queue.endpoint.id, 1)
    desk.wait_for_a_probe(queue, fresh=True)
    await desk.step()
    assert queue.circuit.may_choose
    desk.clock.advance(2.0)
    await desk.step()
    assert not queue.circuit.may_choose


async def _keys_probed(
    desk: Desk, queue: EndpointQueue, end: Callable[[Delivery], None]
) -> list[str]:
    """Which keys three turns choose, where each probe ends like this."""
    keys = []
    for _ in range(3):
        desk.wait_for_a_probe(queue, fresh=True)
        await desk.step()
        if queue.size:
            delivery = queue.take()
            keys.append(delivery.event.key)
            end(delivery)
            queue.pass_on(delivery.lane)
    return keys


async def test_what_was_given_up_as_a_probe_is_passed_and_not_chosen_again(desk: Desk) -> None:
    queue = await _fall_behind(desk, ["a", "b"])
    held = desk.flow.ranges[queue.endpoint.id]

    def give_up(delivery: Delivery) -> None:
        desk.flow.park(delivery, queue.endpoint, PendingState.FAILED, "refused", 1)

    assert await _keys_probed(desk, queue, give_up) == ["a", "b"]
    assert held.met


async def test_what_is_to_be_tried_again_as_a_probe_is_not_passed(desk: Desk) -> None:
    queue = await _fall_behind(desk, ["a", "b"])
    held = desk.flow.ranges[queue.endpoint.id]

    def put_off(delivery: Delivery) -> None:
        desk.flow.retry(delivery, queue.endpoint, 0, "503")

    assert await _keys_probed(desk, queue, put_off) == ["a", "b"]
    assert held.progress.read_to == 0


async def test_what_was_passed_over_as_its_lane_was_closed_is_not_overtaken(desk: Desk) -> None:
    wanted = "data.number == 0 || data.number == 6000"
    queue = await _fall_behind(desk, ["a"] * 6_001, filter=wanted)
    desk.flow.changes.closing[Lane(queue.endpoint.id, "a")] = 0
    await desk.step()
    assert not queue.size
    desk.flow.changes.closing.clear()
    desk.wait_for_a_probe(queue, fresh=True)
    await desk.step()
    assert not queue.size
    desk.wait_for_a_probe(queue, fresh=True)
    await desk.step()
    assert queue.take().event.sequence == 1
