"""Mending lanes: the first live row of each is due, the others wait behind it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from offhook.delivery.entries import Lane
from offhook.model.ids import WebhookId
from offhook.store.sqlite.connection import Connection, as_json

_LANES = msgspec.json.Decoder(list[tuple[WebhookId, str]])
_FIRSTS = msgspec.json.Decoder(list[tuple[WebhookId, str, int | None, int | None]])


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


def lanes_of(
    connection: Connection, partition: int, deliveries: Collection[tuple[WebhookId, int]]
) -> set[Lane]:
    """The lanes that these deliveries' rows stand in."""
    if not deliveries:
        return set()
    rows = connection.rows(
        "pending_lanes", _LANES, partition=partition, deliveries=as_json(deliveries)
    )
    return {Lane(*row) for row in rows}


def closed_among(
    connection: Connection, partition: int, lanes: Collection[Lane]
) -> frozenset[Lane]:
    """Those of the lanes that have a live row."""
    if not lanes:
        return frozenset()
    asked = as_json((lane.webhook, lane.key) for lane in lanes)
    rows = connection.rows("lanes_closed", _LANES, partition=partition, lanes=asked)
    return frozenset(Lane(*row) for row in rows)


def mend(
    connection: Connection,
    partition: int,
    touched: Collection[Lane],
    hurry: Sequence[Lane],
    now_ms: int,
) -> frozenset[Lane]:
    """Mend the lanes; returns those that are open."""
    if not touched:
        return frozenset()
    asked = as_json((lane.webhook, lane.key) for lane in touched)
    rows = connection.rows("lanes_first", _FIRSTS, partition=partition, lanes=asked)
    firsts = [LaneFirsts(Lane(webhook, key), *found) for webhook, key, *found in rows]
    mending = decide(firsts, hurry)
    if mending.wait:
        connection.run("lanes_wait", partition=partition, firsts=as_json(mending.wait))
    if mending.wake:
        woken = as_json(mending.wake)
        connection.run("pending_wake", partition=partition, deliveries=woken, now_ms=now_ms)
    return mending.opened
