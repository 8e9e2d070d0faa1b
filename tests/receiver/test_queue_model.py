"""Against a model of a few lines, whatever holders and senders do in whichever order."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from offhook.clock import FakeClock
from offhook.receiver import Depth
from offhook.receiver.ports import Arrival, Receipt, Taken, Verdict
from offhook.receiver.retrying import settled
from offhook.receiver.sqlite import SqliteQueue

T = TypeVar("T")

LEASE_S = 10.0
NAMES = st.sampled_from([f"{lane}{number}" for lane in "abc" for number in range(5)])
HOLDERS = st.sampled_from(["one", "two"])


class QueueAgainstModel(RuleBasedStateMachine):
    """The model: what waits in each lane, until when its first is held, and what is dead."""

    @initialize()
    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.queue = SqliteQueue(":memory:", clock=self.clock)
        self.run(self.queue.open())
        self.known: dict[str, str] = {}
        self.places: dict[str, int] = {}
        self.busy_until: dict[str, float] = {}
        self.out: list[tuple[str, Taken]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def waiting(self, lane: str) -> list[str]:
        names = [name for name, state in self.known.items() if state == "waiting"]
        return sorted((n for n in names if n[0] == lane), key=self.places.__getitem__)

    def free(self) -> dict[str, str]:
        """The first event of each lane that is due."""
        now_s = self.clock.monotonic()
        lanes = [lane for lane in "abc" if self.waiting(lane)]
        due = [lane for lane in lanes if self.busy_until.get(lane, 0) <= now_s]
        return {lane: self.waiting(lane)[0] for lane in due}

    @rule(name=NAMES)
    def put(self, name: str) -> None:
        [receipt] = self.run(self.queue.commit("p", [Arrival(name, name[0], b"")], []))
        known = self.known.get(name)
        expected = {None: Receipt.NEW, "dead": Receipt.DEAD_LETTER}.get(known, Receipt.REPEAT)
        assert receipt is expected
        if known is None:
            if not self.waiting(name[0]):
                self.busy_until.pop(name[0], None)
            self.known[name] = "waiting"
            self.places[name] = len(self.places)

    @rule(holder=HOLDERS, limit=st.integers(1, 3))
    def take(self, holder: str, limit: int) -> None:
        expected = self.free()
        found = self.run(self.queue.take(holder, limit, LEASE_S))
        assert len(found) == min(limit, len(expected))
        for taken in found:
            assert expected[taken.lane] == taken.event_id
            self.busy_until[taken.lane] = self.clock.monotonic() + LEASE_S
            self.out = [(h, other) for h, other in self.out if other.lane != taken.lane]
            self.out.append((holder, taken))

    @precondition(lambda self: self.out)
    @rule(data=st.data(), verdict=st.sampled_from(list(Verdict)), delay_s=st.sampled_from([0, 5]))
    def settle(self, data: st.DataObject, verdict: Verdict, delay_s: float) -> None:
        holder, taken = data.draw(st.sampled_from(self.out))
        self.out.remove((holder, taken))
        delay_s = delay_s if verdict is Verdict.RETRY else 0
        self.run(self.queue.commit(holder, [], [settled(taken, verdict, delay_s=delay_s)]))
        self.busy_until[taken.lane] = self.clock.monotonic() + delay_s
        if verdict in (Verdict.HANDLED, Verdict.DEAD):
            self.known[taken.event_id] = verdict.value

    @rule(name=NAMES)
    def retry_dead(self, name: str) -> None:
        is_dead = self.known.get(name) == "dead"
        assert self.run(self.queue.retry_dead([name])) == is_dead
        if is_dead:
            if not self.waiting(name[0]):
                self.busy_until.pop(name[0], None)
            self.known[name] = "waiting"

    @rule(name=NAMES)
    def drop_dead(self, name: str) -> None:
        is_dead = self.known.get(name) == "dead"
        assert self.run(self.queue.drop_dead([name])) == is_dead
        if is_dead:
            self.known[name] = "handled"

    @rule(seconds=st.sampled_from([1, 5, 10]))
    def pass_time(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @invariant()
    def counts_agree(self) -> None:
        states = list(self.known.values())
        depth = Depth(states.count("waiting"), states.count("dead"))
        assert self.run(self.queue.depth()) == depth

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.run(self.queue.close())
            self.loop.close()


QueueAgainstModel.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
TestQueueAgainstModel = QueueAgainstModel.TestCase
