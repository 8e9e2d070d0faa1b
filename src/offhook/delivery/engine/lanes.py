"""Mending lanes: the first live row of each is due, the others wait behind it."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import assert_never

from msgspec.structs import replace

from offhook.delivery.entries import Lane, PendingRow, PendingState, Place
from offhook.model.ids import WebhookId

ANY_TIME_MS = 1 << 62
"""As ``now_ms`` of ``take_due``: whatever it is, it is due."""


@dataclass(frozen=True, slots=True)
class LaneFirsts:
    """The lowest positions of a lane's live rows, by state."""

    lane: Lane
    retry: int | None
    waiting: int | None

    @property
    def head(self) -> int | None:
        """The lowest live row; ``None`` where the lane is open."""
        live = [position for position in (self.retry, self.waiting) if position is not None]
        return min(live, default=None)


@dataclass(frozen=True, slots=True)
class Mending:
    """What is to be done: rows (webhook, position) that become due now, lanes whose due rows after
    a position wait again, and lanes that are open."""

    wake: tuple[tuple[WebhookId, int], ...]
    wait: tuple[tuple[WebhookId, str, int], ...]
    opened: frozenset[Lane]


def heads_of(firsts: Iterable[LaneFirsts]) -> dict[Lane, int]:
    """The lowest live row of each lane that is closed."""
    return {first.lane: first.head for first in firsts if first.head is not None}


def decide(firsts: Iterable[LaneFirsts], hurry: Collection[Lane]) -> Mending:
    """How to mend the lanes that were touched; the heads of ``hurry`` are due now in any case."""
    wake: list[tuple[WebhookId, int]] = []
    wait: list[tuple[WebhookId, str, int]] = []
    opened: set[Lane] = set()
    for first in firsts:
        head = first.head
        if head is None:
            opened.add(first.lane)
            continue
        if head == first.waiting or first.lane in hurry:
            wake.append((first.lane.webhook, head))
        if first.retry is not None:
            wait.append((first.lane.webhook, first.lane.key, head))
    return Mending(tuple(wake), tuple(wait), frozenset(opened))


def relax(row: PendingRow, let_go: Collection[Lane], now_ms: int) -> PendingRow:
    """The row as it is put where its lane may be one that was let go: out of it then, and due."""
    if row.lane is None or Lane(row.webhook, row.lane) not in let_go:
        return row
    match row.state:
        case PendingState.RETRY:
            return replace(row, lane=None, late=row.lane)
        case PendingState.WAITING:
            return replace(row, lane=None, late=row.lane, state=PendingState.RETRY, due_ms=now_ms)
        case PendingState.FAILED | PendingState.CANCELED:
            return row
        case _:
            assert_never(row.state)


def take_due(
    queued: Iterable[tuple[int, Place]], per_webhook: int, now_ms: int
) -> tuple[list[Place], int | None]:
    """What to take of (due_ms, place), in turn over the endpoints and of each what fell due first,
    and when the first of the rest is due."""
    turns: list[tuple[int, Place]] = []
    left: list[int] = []
    taken: Counter[WebhookId] = Counter()
    for due_ms, place in sorted(queued):
        turn = taken[place[0]]
        if due_ms <= now_ms and turn < per_webhook:
            turns.append((turn, place))
            taken[place[0]] += 1
        else:
            left.append(due_ms)
    turns.sort(key=itemgetter(0))
    return [place for _, place in turns], min(left, default=None)
