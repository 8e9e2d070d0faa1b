"""How lanes are mended, and whose turn it is among retries."""

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.delivery.engine.lanes import LaneFirsts, Mending, decide, take_due
from offhook.delivery.entries import Lane, PartitionChanges, PendingRow, PendingState
from offhook.model.event import LogEvent
from offhook.model.ids import WebhookId
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    WEBHOOK,
    lease_for,
    make_webhook,
    pending_for,
    placed,
    plain,
)

RETRY, WAITING, FAILED = PendingState.RETRY, PendingState.WAITING, PendingState.FAILED
LANE = Lane(WEBHOOK, "k")
LATER_MS = 1 << 45


def mended(retry: int | None, waiting: int | None, *, hurried: bool = False) -> Mending:
    return decide([LaneFirsts(LANE, retry, waiting)], [LANE] if hurried else [])


def test_a_lane_without_live_rows_is_open() -> None:
    assert mended(None, None) == Mending((), (), frozenset({LANE}))
    assert mended(None, None, hurried=True).opened == {LANE}


def test_a_head_that_waits_is_woken() -> None:
    assert mended(None, 3) == Mending(((WEBHOOK, 3),), (), frozenset())
    assert mended(5, 3) == Mending(((WEBHOOK, 3),), ((WEBHOOK, "k", 3),), frozenset())


def test_a_head_that_retries_keeps_its_time_unless_it_is_hurried() -> None:
    assert mended(3, 5).wake == ()
    assert mended(3, 5, hurried=True).wake == ((WEBHOOK, 3),)


A, B, C = (WebhookId(f"wh_{name}") for name in "abc")


def test_due_retries_are_taken_in_turn_over_the_endpoints() -> None:
    queued = [
        (0, (webhook, 0, at))
        for webhook, at in zip((A, A, A, B, C, C), (1, 2, 3, 9, 4, 5), strict=True)
    ]
    taken, rest_ms = take_due(queued, 2, 10)
    assert taken == [(A, 0, 1), (B, 0, 9), (C, 0, 4), (A, 0, 2), (C, 0, 5)]
    assert rest_ms == 0


def test_of_one_endpoint_the_longest_due_are_taken_whichever_partition_they_are_in() -> None:
    queued = [(3, (A, 0, 1)), (1, (A, 1, 7)), (2, (A, 2, 4))]
    assert take_due(queued, 2, 10) == ([(A, 1, 7), (A, 2, 4)], 3)


def test_what_is_not_due_yet_says_when() -> None:
    queued = [(5, (A, 0, 1)), (20, (A, 0, 2)), (15, (B, 0, 3))]
    assert take_due(queued, 2, 10) == ([(A, 0, 1)], 15)
    assert take_due([(10, (A, 0, 1))], 2, 10) == ([(A, 0, 1)], None)
    assert take_due([], 2, 10) == ([], None)


CHANGES = st.lists(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["settle", "fail", "wait", "retry"])),
        min_size=1,
        max_size=4,
        unique_by=lambda change: change[0],
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(applies=CHANGES)
async def test_after_any_changes_the_first_live_row_alone_is_to_be_retried(
    applies: list[list[tuple[int, str]]],
) -> None:
    """Against a model: which of six deliveries of one lane are live."""
    clock = FakeClock()
    store = open_sqlite(None, clock=clock)
    await make_webhook(store)
    events = await placed(store, *(plain("k") for _ in range(6)))
    lease = await lease_for(store, "k")
    live = set[int]()
    for changes in applies:
        before = bool(live)
        settled = [(WEBHOOK, events[n].position) for n, what in changes if what == "settle"]
        rows = [_row(events[n], what) for n, what in changes if what != "settle"]
        report = await store.dispatch.apply(
            [PartitionChanges(lease, 0, settled=tuple(settled), rows=tuple(rows))]
        )
        for n, what in changes:
            (live.add if what in ("wait", "retry") else live.discard)(n)
        assert report.closed == ({LANE} if live and not before else set())
        assert report.opened == ({LANE} if before and not live else set())
        assert await store.dispatch.closed_lanes(lease.partition, [LANE]) == (
            {LANE} if live else set()
        )
        slice_ = await store.dispatch.due([lease.partition], 10, [])
        assert len(slice_.items) + (slice_.next_due_ms is not None) == bool(live)
        for item in slice_.items:
            assert item.row.position == events[min(live)].position
    await store.close()


def _row(event: LogEvent, what: str) -> PendingRow:
    if what == "retry":
        return pending_for(event, RETRY, due_ms=LATER_MS)
    return pending_for(event, WAITING if what == "wait" else FAILED)
