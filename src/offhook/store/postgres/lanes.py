"""Lanes on PostgreSQL: which are closed, and mending those that were touched."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import TypeAlias

from offhook.delivery.engine.lanes import LaneFirsts, Mending, decide
from offhook.delivery.entries import Lane, Place
from offhook.model.ids import WebhookId
from offhook.store.postgres.session import Row, Session, named

PlacedLane: TypeAlias = tuple[int, Lane]
"""A lane with its partition."""

DELIVERIES = ("webhooks", "partitions", "positions")
_LANES = ("partitions", "webhooks", "lanes")


async def lanes_of(session: Session, deliveries: Collection[Place]) -> set[PlacedLane]:
    """The lanes that these deliveries' rows stand in."""
    if not deliveries:
        return set()
    return _placed(await session.rows("pending_lanes", **named(DELIVERIES, deliveries)))


async def closed_among(session: Session, lanes: Collection[PlacedLane]) -> set[PlacedLane]:
    """Those of the lanes that have a live row."""
    if not lanes:
        return set()
    return _placed(await session.rows("lanes_closed", **named(_LANES, _columns(lanes))))


async def firsts_of(session: Session, lanes: Collection[PlacedLane]) -> dict[int, list[LaneFirsts]]:
    """The first live rows of each of the lanes, by their partition."""
    firsts = defaultdict[int, list[LaneFirsts]](list)
    rows = await session.rows("lanes_first", **named(_LANES, _columns(lanes)))
    for partition, webhook, key, retry, waiting in rows:
        firsts[partition].append(LaneFirsts(Lane(webhook, key), retry, waiting))
    return firsts


async def late_among(session: Session, lanes: Collection[PlacedLane]) -> set[PlacedLane]:
    """Those of the lanes that were let go and are not empty yet."""
    if not lanes:
        return set()
    return _placed(await session.rows("lanes_late", **named(_LANES, _columns(lanes))))


async def release(session: Session, lanes: Collection[PlacedLane], now_ms: int) -> None:
    """Let the lanes' live rows go, unordered."""
    if lanes:
        await session.run("lanes_release", **named(_LANES, _columns(lanes)), now_ms=now_ms)


async def mend(
    session: Session, touched: Collection[PlacedLane], hurry: Collection[Lane], now_ms: int
) -> set[Lane]:
    """Mend the lanes; returns those that are open."""
    if not touched:
        return set()
    firsts = await firsts_of(session, touched)
    mendings = {partition: decide(found, hurry) for partition, found in firsts.items()}
    await _wait(session, mendings)
    await _wake(session, mendings, now_ms)
    return {lane for mending in mendings.values() for lane in mending.opened}


async def _wait(session: Session, mendings: dict[int, Mending]) -> None:
    firsts = [(at, *first) for at, mending in mendings.items() for first in mending.wait]
    if firsts:
        await session.run("lanes_wait", **named((*_LANES, "positions"), firsts))


async def _wake(session: Session, mendings: dict[int, Mending], now_ms: int) -> None:
    heads = [
        (webhook, at, position)
        for at, mending in mendings.items()
        for webhook, position in mending.wake
    ]
    if heads:
        await session.run("pending_wake", **named(DELIVERIES, heads), now_ms=now_ms)


def _columns(lanes: Iterable[PlacedLane]) -> list[tuple[int, WebhookId, str]]:
    return [(partition, lane.webhook, lane.key) for partition, lane in lanes]


def _placed(rows: Iterable[Row]) -> set[PlacedLane]:
    return {(partition, Lane(webhook, key)) for partition, webhook, key in rows}
