"""Lanes on SQLite: which are closed, and mending those that were touched."""

from collections.abc import Collection, Sequence

import msgspec

from offhook.delivery.engine.lanes import LaneFirsts, decide
from offhook.delivery.entries import Lane
from offhook.model.ids import WebhookId
from offhook.store.sqlite.connection import Connection, as_json

_LANES = msgspec.json.Decoder(list[tuple[WebhookId, str]])
_FIRSTS = msgspec.json.Decoder(list[tuple[WebhookId, str, int | None, int | None]])


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


def firsts_of(connection: Connection, partition: int, lanes: Collection[Lane]) -> list[LaneFirsts]:
    """The first live rows of each of the lanes."""
    if not lanes:
        return []
    asked = as_json((lane.webhook, lane.key) for lane in lanes)
    rows = connection.rows("lanes_first", _FIRSTS, partition=partition, lanes=asked)
    return [LaneFirsts(Lane(webhook, key), *found) for webhook, key, *found in rows]


def late_among(connection: Connection, partition: int, lanes: Collection[Lane]) -> frozenset[Lane]:
    """Those of the lanes that were let go and are not empty yet."""
    if not lanes:
        return frozenset()
    asked = as_json((lane.webhook, lane.key) for lane in lanes)
    rows = connection.rows("lanes_late", _LANES, partition=partition, lanes=asked)
    return frozenset(Lane(*row) for row in rows)


def release(connection: Connection, partition: int, lanes: Collection[Lane], now_ms: int) -> None:
    """Let the lanes' live rows go, unordered."""
    if lanes:
        asked = as_json((lane.webhook, lane.key) for lane in lanes)
        connection.run("lanes_release", partition=partition, lanes=asked, now_ms=now_ms)


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
    mending = decide(firsts_of(connection, partition, touched), hurry)
    if mending.wait:
        connection.run("lanes_wait", partition=partition, firsts=as_json(mending.wait))
    if mending.wake:
        woken = as_json(mending.wake)
        connection.run("pending_wake", partition=partition, deliveries=woken, now_ms=now_ms)
    return mending.opened
