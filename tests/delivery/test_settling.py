"""What came back is settled each by itself, and no fault of one costs the others anything."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Never

import pytest

from offhook.delivery.engine import outcome
from offhook.delivery.engine.sending import Sends, Sent
from offhook.delivery.entries import Answer, FailureKind
from offhook.delivery.policy import Verdict, judge
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.engine import Bench
from offhook.testing.network import OK, Gate, ScriptedNetwork, arrival

KEYS = ("a", "b", "c")
CRM = WebhookId("wh_crm")
SHORTAGE = Answer(None, FailureKind.SHORTAGE, "too many open files")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(clock: FakeClock) -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(None, clock=clock)
    await opened.keys.put_account(DEFAULT_ACCOUNT, "Default")
    yield opened
    await opened.close()


@pytest.fixture
def bench(store: SqliteStore, clock: FakeClock) -> Bench:
    return Bench(store, clock, ScriptedNetwork())


def tried(bench: Bench) -> Counter[str]:
    """How many requests there were of each key."""
    return Counter(arrival(it).key for it in bench.network.requests)


async def all_come_back_at_once(bench: Bench, *keys: str) -> None:
    """One request of each key, answered in the same step."""
    gate = Gate()
    answered, bench.network.script = bench.network.script, gate
    await bench.post(*keys)
    await bench.until(lambda: gate.waiting == len(keys))
    bench.network.script = answered
    gate.open()
    await bench.until(lambda: not bench.dispatcher.in_flight)


async def cursor(store: SqliteStore, bench: Bench) -> int:
    """Where the next owner goes on from."""
    await bench.dispatcher.stop()
    [lease] = (await store.leases.acquire("deliver", "next", 10)).taken
    return lease.cursor


async def test_an_answer_that_cannot_be_judged_is_one_failed_attempt_and_holds_up_no_other(
    bench: Bench, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    judges = iter([judge, _raise])
    monkeypatch.setattr(outcome, "judge", _in_turn(judges))
    await bench.webhook("crm")
    await all_come_back_at_once(bench, *KEYS)
    await bench.pass_time(10)
    assert sorted(tried(bench).values()) == [1, 1, 2]
    recorded = [await store.deliveries.attempts(DEFAULT_ACCOUNT, CRM, 0, at) for at in (1, 2, 3)]
    [fault] = [it.error for attempts in recorded for it in attempts if not it.accepted]
    assert fault == "unsettled: what it answered could not be judged (ArithmeticError)"
    await bench.post(*KEYS)
    await bench.settle()
    assert all(bench.network.sequences(key)[-1] == 2 for key in KEYS)
    assert await cursor(store, bench) == 6


async def test_a_fault_in_what_counts_attempts_stops_no_delivery(
    bench: Bench, store: SqliteStore
) -> None:
    bench.dispatcher._settler._on_sent = _raise
    await bench.webhook("crm")
    await all_come_back_at_once(bench, *KEYS)
    await bench.settle()
    assert tried(bench) == Counter(KEYS)
    assert await cursor(store, bench) == 3


async def test_what_a_fault_lost_from_memory_is_found_again_and_no_key_stays_taken(
    bench: Bench, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(sends: Sends) -> list[Sent]:
        collect(sends)
        monkeypatch.setattr(Sends, "collect", collect)
        raise ArithmeticError

    await bench.webhook("crm", max_in_flight=3)
    gate = Gate()
    bench.network.script = gate
    await bench.post(*KEYS)
    await bench.until(lambda: gate.waiting == 3)
    collect = Sends.collect
    monkeypatch.setattr(Sends, "collect", lost)
    gate.open()
    with pytest.raises(ArithmeticError):
        await bench.until(lambda: False)
    bench.dispatcher.recover()
    await bench.post(*KEYS)
    await bench.settle()
    assert all(bench.network.sequences(key)[-2:] == [1, 2] for key in KEYS)
    assert await cursor(store, bench) == 6


async def test_after_a_fault_what_is_still_under_way_keeps_its_place_and_its_key(
    bench: Bench,
) -> None:
    gate = Gate()
    bench.network.script = gate
    await bench.webhook("crm", max_in_flight=2)
    await bench.post("a", "a")
    await bench.until(lambda: gate.waiting == 1)
    bench.dispatcher.recover()
    await bench.post("b", "c")
    await bench.until(lambda: gate.waiting == 2)
    for _ in range(5):
        await bench.step()
    assert tried(bench) == Counter({"a": 1, "b": 1}), "one more than two, or two of one key"
    gate.open()
    await bench.settle()
    assert bench.network.sequences("a") == [1, 1, 2]


async def test_what_this_process_was_short_of_is_no_fault_of_the_endpoint(
    bench: Bench, store: SqliteStore
) -> None:
    bench.network.script = lambda _: SHORTAGE
    await bench.webhook("crm", retry={"profile": "brief"})
    await bench.post(*KEYS, "a")
    await bench.pass_time(60)
    assert bench.dispatcher.circuits_open == 0
    bench.network.script = lambda _: OK
    await bench.pass_time(7)
    assert bench.network.sequences("a") == [1, 2]
    assert {it.headers["webhook-attempt"] for it in bench.network.requests} == {"1"}
    stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, CRM)
    assert stored is not None
    assert stored.health.failures == 0


def _raise(*_: object, **__: object) -> Never:
    raise ArithmeticError("nobody foresaw this")


def _in_turn(judges: Iterator[Callable[..., Verdict]]) -> Callable[..., Verdict]:
    """Each judges once, and then the true one does."""
    last: Callable[..., Verdict] = judge

    def judged(*given: object, **further: object) -> Verdict:
        return next(judges, last)(*given, **further)

    return judged
