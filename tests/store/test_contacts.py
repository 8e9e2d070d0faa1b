"""Whether a contact called before does not depend on how the facts were cut into batches."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import append, call_fact, call_named

CALLS = st.lists(
    st.tuples(st.integers(0, 70), st.sampled_from(["+12145550101", "+12145550102"]), st.booleans()),
    min_size=1,
    max_size=14,
    unique_by=lambda call: call[0],
).map(sorted)


@settings(max_examples=40, deadline=None)
@given(calls=CALLS, size=st.integers(1, 14))
async def test_a_repeat_is_who_called_in_the_30_days_before(
    calls: list[tuple[int, str, bool]], size: int
) -> None:
    """Days, numbers and test keys of calls that arrive in their order."""
    clock = FakeClock()
    began = clock.now()
    store = open_sqlite(None, clock=clock)
    facts = [
        call_fact(str(day), at=began + timedelta(days=day), contact=number, test=test)
        for day, number, test in calls
    ]
    for at in range(0, len(facts), size):
        await append(store, *facts[at : at + size])
    for day, number, test in calls:
        expected = any(
            other == number and not from_test and day - 30 <= earlier < day
            for earlier, other, from_test in calls
        )
        assert await _repeat(store, str(day)) is (None if test else expected)
    await store.close()


@settings(max_examples=40, deadline=None)
@given(calls=CALLS, late=st.integers(0, 70), size=st.integers(1, 14))
async def test_a_late_older_call_names_the_later_ones_that_do_not_count_yet(
    calls: list[tuple[int, str, bool]], late: int, size: int
) -> None:
    clock = FakeClock()
    began = clock.now()
    store = open_sqlite(None, clock=clock)
    number = "+12145550101"
    facts = [
        call_fact(str(day), at=began + timedelta(days=day), contact=contact, test=test)
        for day, contact, test in calls
    ]
    facts.append(call_fact("late", at=began + timedelta(days=late, hours=1), contact=number))
    for at in range(0, len(facts), size):
        await append(store, *facts[at : at + size])
    named = {timer.key for timer in await store.timers.due_timers([0], 100)}
    expected = {
        call_named(str(day))
        for day, contact, test in calls
        if contact == number
        and not test
        and late < day <= late + 30
        and await _repeat(store, str(day)) is False
    }
    assert named == expected
    await store.close()


async def _repeat(store: SqliteStore, name: str) -> bool | None:
    call = await store.calls.call(DEFAULT_ACCOUNT, call_named(name))
    assert call is not None
    return call.data.repeat_caller
