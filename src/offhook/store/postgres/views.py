"""Deliveries, their rows and their attempts, as statements bring them: columns in the order of the
fields."""

from offhook.delivery.entries import AttemptRecord, PendingRow, PendingState
from offhook.delivery.lists.traces import Traces
from offhook.store.postgres.session import Row

PENDING_WIDTH = 16
_TRACES_WIDTH = 16

PENDING_COLUMNS = (
    "webhooks",
    "partitions",
    "positions",
    "accounts",
    "event_ids",
    "event_types",
    "keys",
    "lanes",
    "states",
    "numbers",
    "due_ms",
    "since_ms",
    "failed_ms",
    "late",
    "replays",
    "reasons",
)
ATTEMPT_COLUMNS = (
    "webhooks",
    "partitions",
    "positions",
    "accounts",
    "event_ids",
    "event_types",
    "keys",
    "numbers",
    "started_ms",
    "duration_ms",
    "accepted",
    "statuses",
    "errors",
    "responses",
    "late",
    "replays",
    "details",
)


def pending_of(row: Row, first: int = 0) -> PendingRow:
    """The row of the sixteen columns from ``first`` on."""
    return PendingRow(
        row[first],
        row[first + 1],
        row[first + 2],
        row[first + 3],
        row[first + 4],
        row[first + 5],
        row[first + 6],
        row[first + 7],
        PendingState(row[first + 8]),
        row[first + 9],
        row[first + 10],
        row[first + 11],
        row[first + 12],
        row[first + 13],
        row[first + 14],
        row[first + 15],
    )


def attempt_of(row: Row, first: int = 0) -> AttemptRecord:
    """The attempt of the seventeen columns from ``first`` on."""
    return AttemptRecord(*row[first:])


def traces_of(row: Row) -> Traces:
    """The traces of a row of ``delivery_views``."""
    state = row["state"]
    return Traces(
        webhook=row["webhook"],
        partition=row["partition"],
        position=row["position"],
        account=row["account"],
        event_id=row["event_id"],
        event_type=row["event_type"],
        key=row["key"],
        state=None if state is None else PendingState(state),
        due_ms=row["due_ms"],
        reason=row["reason"],
        replay=row["replay"],
        created_ms=row["created_ms"],
        known=row["known"],
        ahead=row["ahead"],
        attempts=row["attempts"],
        accepted=row["ever_accepted"],
    )


def last_attempt_of(row: Row) -> AttemptRecord | None:
    """The latest attempt of a row of ``delivery_views``, whose columns come last."""
    return None if row[_TRACES_WIDTH] is None else attempt_of(row, _TRACES_WIDTH)
