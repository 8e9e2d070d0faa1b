"""Calls kept decoded between appends are what the database holds, also after a failure."""

import random

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.log.entries import Folded, KeyRow, Refused, Submission
from offhook.log.fold import fold
from offhook.model.call import Call, CallData
from offhook.model.callstate import decode_calls, encode_call
from offhook.model.fact import FoldContext
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.store.sqlite.heads import Heads
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    append,
    appended,
    call_fact,
    call_named,
    plain,
    sequences,
    whole_log,
)

STEPS = ("call.started", "call.ringing", "call.answered", "call.ended")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 9), capacity=st.integers(1, 4))
async def test_batches_capacity_and_restarts_make_no_difference(
    seed: int, size: int, capacity: int
) -> None:
    """The same facts, cut into batches in another way, with nearly nothing kept, end the same."""
    facts = _facts(random.Random(seed), FakeClock())
    ends = []
    for cut, kept in ((1, 10_000), (size, capacity)):
        store = open_sqlite(None, clock=FakeClock())
        store.log._heads = Heads(kept)
        for at in range(0, len(facts), cut):
            await append(store, *facts[at : at + cut])
        calls = [
            await store.calls.call(DEFAULT_ACCOUNT, call_named(str(name))) for name in range(4)
        ]
        events = [
            (event.type, event.key, event.sequence, event.data) for event in await whole_log(store)
        ]
        ends.append((events, calls))
        await store.close()
    assert ends[0] == ends[1]


async def test_after_a_refused_write_the_database_is_believed(
    store: SqliteStore, clock: FakeClock
) -> None:
    await appended(store, call_fact("1", at=clock.now()))
    bad = plain("x", type_="custom.\ud800")
    answered = call_fact("1", "call.answered", at=clock.now())
    outcomes = await append(store, answered, bad)
    assert isinstance(outcomes[1], Refused)
    await append(store, call_fact("1", "call.ended", at=clock.now()))
    assert sequences(await whole_log(store), call_named("1")) == [1, 2, 3]


async def test_after_a_commit_that_failed_the_database_is_believed(
    store: SqliteStore, clock: FakeClock
) -> None:
    await appended(store, call_fact("1", at=clock.now()))
    raw = store._database._main.transaction()
    raw.set_commit_hook(lambda: True)
    with pytest.raises(apsw.ConstraintError):
        await append(store, call_fact("1", "call.answered", at=clock.now()))
    raw.set_commit_hook(None)
    await appended(store, call_fact("1", "call.answered", at=clock.now()))
    assert sequences(await whole_log(store), call_named("1")) == [1, 2]
    assert await store.log.head(0) == 2


async def test_a_fold_that_breaks_off_leaves_the_call_as_it_was(
    store: SqliteStore, clock: FakeClock
) -> None:
    await appended(store, call_fact("1", at=clock.now()))

    def breaking(item: Submission, row: KeyRow | None, context: FoldContext) -> Folded:
        fold(item, row, context)
        raise ZeroDivisionError

    answered = call_fact("1", "call.answered", at=clock.now())
    [refused] = await store.log.append([answered], breaking)
    assert isinstance(refused, Refused)
    call = await store.calls.call(DEFAULT_ACCOUNT, call_named("1"))
    assert call is not None
    assert call.data.status == "initiated"
    await appended(store, answered)
    assert sequences(await whole_log(store), call_named("1")) == [1, 2]


@pytest.mark.parametrize(
    "call",
    [
        Call(CallData("call_x")),
        Call(CallData("call_x", attributes={"a": None}, tags=("x",), talk_s=0.0), test=True),
        Call(CallData("call_x", caller_id="null", historical=True), settle_ms=5, said=("a",)),
    ],
)
def test_a_state_without_its_defaults_is_the_same_state(call: Call) -> None:
    assert decode_calls(b"[" + encode_call(call) + b"]") == [call]


def _facts(choose: random.Random, clock: FakeClock) -> list[Submission]:
    """Steps of four calls, and other events, some under the calls' keys, in a random order."""
    facts = [
        call_fact(str(name), at=clock.now(), contact=f"+1214555012{name}") for name in range(4)
    ]
    for _ in range(25):
        name = str(choose.randrange(4))
        key = choose.choice([call_named(name), "plain"])
        facts.append(
            plain(key)
            if choose.random() < 0.3
            else call_fact(name, choose.choice(STEPS), at=clock.now(), notes=str(choose.random()))
        )
    return facts
