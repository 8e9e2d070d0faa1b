"""Appends of several processes that meet: over an id, over a contact, over each other's rows."""

import asyncio
import random
from collections import defaultdict
from datetime import timedelta
from itertools import islice

import asyncpg
import pytest
from processes import several

from offhook.clock import SystemClock
from offhook.log.appender import Appender
from offhook.log.entries import Appended, IdConflict, Refused, Repeated, Submission
from offhook.log.fold import fold
from offhook.log.timers import Timers
from offhook.model.fact import CallFact, FactKind
from offhook.model.ids import DEFAULT_ACCOUNT, CallId, partition_of
from offhook.store.postgres import PostgresStore, database
from offhook.store.postgres.session import Row, Session, Value
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    append,
    call_fact,
    call_named,
    plain,
    whole_log,
)

OUTER_S = 60.0
CONTACT = "+12145550101"


class Meeting(Session):
    """A session that, after a statement, waits for as many others as are to meet there; once."""

    statement = ""
    barrier: asyncio.Barrier | None = None

    @classmethod
    def after(cls, statement: str, count: int) -> None:
        """So many are to meet after this statement."""
        cls.statement, cls.barrier = statement, asyncio.Barrier(count)

    async def run(self, name: str, /, **bindings: Value) -> int:
        count = await super().run(name, **bindings)
        await _meet(name)
        return count

    async def rows(self, name: str, /, **bindings: Value) -> list[Row]:
        found = await super().rows(name, **bindings)
        await _meet(name)
        return found


async def _meet(statement: str) -> None:
    barrier = Meeting.barrier
    if statement == Meeting.statement and barrier is not None:
        await barrier.wait()
        Meeting.barrier = None


class Counting(Meeting):
    """Such a session that pauses before it writes, and counts the rings in which transactions
    waited for each other."""

    rings = 0

    async def run(self, name: str, /, **bindings: Value) -> int:
        await asyncio.sleep(0.05 if name == "timer_set" else random.uniform(0, 0.003))
        try:
            return await super().run(name, **bindings)
        except asyncpg.DeadlockDetectedError:
            Counting.rings += 1
            raise


def apart(count: int) -> list[str]:
    """Keys in different partitions, of four."""
    found: dict[int, str] = {}
    for number in range(count * 16):
        key = f"key-{number}"
        found.setdefault(partition_of(DEFAULT_ACCOUNT, key, 4), key)
    return list(found.values())[:count]


def calls_of(partitions: int, names: int) -> list[list[str]]:
    """Names of calls in as many partitions of sixteen; each list is of one."""
    found = defaultdict[int, list[str]](list)
    for number in range(partitions * names * 16):
        name = str(number)
        found[partition_of(DEFAULT_ACCOUNT, call_named(name), 16)].append(name)
    return [here[:names] for here in islice(found.values(), partitions)]


@pytest.mark.parametrize(("number", "answer"), [(1, Repeated), (2, IdConflict)])
async def test_one_id_given_twice_at_once_under_two_keys_is_one_event(
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    answer: type[Repeated | IdConflict],
) -> None:
    monkeypatch.setattr(database, "Session", Meeting)
    one_key, other_key = apart(2)
    async with asyncio.timeout(OUTER_S), several(postgres_url, 2, partitions=4) as (one, other):
        Meeting.after("event_keys", 2)
        [first], [second] = await asyncio.gather(
            append(one, plain(one_key, 1, given="own")),
            append(other, plain(other_key, number, given="own")),
        )
        assert {type(first), type(second)} == {Appended, answer}
        assert [event.id for event in await whole_log(one)] == ["own"]


async def test_ids_given_crosswise_at_once_are_each_taken_once(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "Session", Meeting)
    one_key, other_key = apart(2)
    async with asyncio.timeout(OUTER_S), several(postgres18_url, 2, partitions=4) as (one, other):
        Meeting.after("event_keys", 2)
        outcomes = await asyncio.gather(
            append(one, plain(one_key, given="a"), plain(one_key, given="b"), plain(one_key)),
            append(other, plain(other_key, given="b"), plain(other_key, given="a")),
        )
        answers = [type(outcome) for batch in outcomes for outcome in batch]
        assert sorted(answers, key=str) == [Appended] * 3 + [Repeated] * 2
        assert len(await whole_log(one)) == 3


@pytest.mark.parametrize("count", [2, 3])
async def test_of_calls_of_one_contact_appended_at_once_the_earliest_is_the_first(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(database, "Session", Meeting)
    began = FakeClock().now()
    names = [name for [name] in calls_of(count, 1)]
    async with asyncio.timeout(OUTER_S), several(postgres_url, count) as stores:
        Meeting.after("contact_calls", count)
        await asyncio.gather(
            *(
                append(store, call_fact(name, at=began - timedelta(hours=at), contact=CONTACT))
                for at, (store, name) in enumerate(zip(stores, names, strict=True))
            )
        )
        await fire(stores[0])
        repeats = [await repeat(stores[0], name) for name in names]
    assert repeats == [True] * (count - 1) + [False]


async def test_timers_set_and_cleared_crosswise_at_once_make_no_ring(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two calls are to be looked at again; each is, while an older one names the other."""
    monkeypatch.setattr(database, "Session", Counting)
    monkeypatch.setattr(Counting, "rings", 0)
    began = FakeClock().now()
    one_at, other_at = calls_of(2, 3)
    early = began - timedelta(hours=1)
    async with asyncio.timeout(OUTER_S), several(postgres18_url, 2) as (one, other):
        for days, name in ((20, other_at[0]), (10, one_at[0]), (0, one_at[2])):
            await append(one, call_fact(name, at=began + timedelta(days=days), contact=CONTACT))
        Meeting.after("call_put", 2)
        await asyncio.gather(
            append(
                one,
                recheck(call_named(one_at[0])),
                call_fact(one_at[1], at=early, contact=CONTACT),
            ),
            append(
                other,
                recheck(call_named(other_at[0])),
                call_fact(other_at[1], at=early, contact=CONTACT),
            ),
        )
    assert Counting.rings == 0


async def test_eight_appenders_with_the_same_keys_ids_and_timers_never_wait_in_a_ring(
    postgres18_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "Session", Counting)
    monkeypatch.setattr(Counting, "rings", 0)
    async with asyncio.timeout(OUTER_S), several(postgres18_url, 8, partitions=4) as stores:
        await asyncio.gather(*(shuffled(store, at) for at, store in enumerate(stores)))
        events = await whole_log(stores[0])
    assert Counting.rings == 0
    for key in {event.key for event in events}:
        sequences = [event.sequence for event in events if event.key == key]
        assert sequences == list(range(1, len(sequences) + 1))
    assert len({event.id for event in events}) == len(events)


async def shuffled(store: PostgresStore, appender: int) -> None:
    """Append the same things as the others in another order, from one or two partitions at a time,
    as the lanes of an appender do; the calls of one contact set timers for each other."""
    choose = random.Random(appender)
    began = FakeClock().now()
    calls = [str(number) for number in range(40)]
    choose.shuffle(calls)
    for _ in range(14):
        here = set(choose.sample(range(4), choose.randint(1, 2)))
        facts = [plain(f"key-{at}", given=f"own-{choose.randrange(20)}-{at}") for at in range(16)]
        for name in calls:
            at = began - timedelta(hours=int(name))
            type_ = choose.choice(["call.started", "call.ended"])
            facts.append(call_fact(name, type_, at=at, contact=CONTACT))
            facts.append(recheck(call_named(name)))
        facts = [fact for fact in facts if home(fact) in here and choose.random() < 0.5]
        choose.shuffle(facts)
        for outcome in await store.log.append(facts, fold):
            assert not isinstance(outcome, Refused) or "names no call" in str(outcome.error)


def home(fact: Submission) -> int:
    """The partition of a fact, of four."""
    return partition_of(DEFAULT_ACCOUNT, str(fact.key), 4)


def recheck(call: CallId) -> Submission:
    """What the timer of a call that is to be looked at again comes to."""
    fact = CallFact(call, FactKind.RECHECK_REPEAT, None, {})
    return Submission(DEFAULT_ACCOUNT, call, fact, 64)


async def fire(store: PostgresStore) -> None:
    """Have all timers that are due fired, as the service does."""
    appender = Appender(store=store.log, fold=fold)
    appender.start()
    timers = Timers(
        store=store.timers,
        leases=store.leases,
        appender=appender,
        clock=SystemClock(),
        owner="test",
    )
    try:
        await timers.run_once()
        assert not await store.timers.due_timers(range(16), 10)
    finally:
        await timers.stop()
        await appender.stop()


async def repeat(store: PostgresStore, name: str) -> bool | None:
    """Whether the call is a repeat caller's."""
    call = await store.calls.call(DEFAULT_ACCOUNT, call_named(name))
    assert call is not None
    return call.data.repeat_caller
