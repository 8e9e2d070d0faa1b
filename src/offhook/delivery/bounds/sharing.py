"""An endpoint's bounds over all processes: who may use how much of them. Pure.

Processes that hold partitions between them each use no more than their share of a bound. Shares are
rows; every process writes its own alone, by ``decide``, in a transaction that no other ask about
the same endpoint can interleave with. What is ``allowed`` to all never exceeds the bound, nor does
what is ``counted``: that also has what is still in use of a share that shrank.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import ceil

import msgspec

from offhook.model.ids import WebhookId

SLICE_MS = 250
"""How long one process keeps its turn when there are more processes than the bound has places."""

_FRESH_MS = 1_000


class BoundKind(StrEnum):
    """What is bounded."""

    IN_FLIGHT = "in_flight"
    """Requests under way at the same time."""
    RATE = "rate"
    """Requests begun within any window of time."""


class BoundAsk(msgspec.Struct, frozen=True):
    """What one process asks of one bound: it would like to use ``wanted`` (0: it needs it no
    more), and it uses ``used`` now: in flight, or begun within the last ``window_s``."""

    webhook: WebhookId
    kind: BoundKind
    bound: int
    wanted: int
    used: int
    window_s: float = 0.0


class BoundGrant(msgspec.Struct, frozen=True):
    """What the process may use from now on; where it is ``crowded``, processes take turns."""

    webhook: WebhookId
    kind: BoundKind
    allowed: int
    crowded: bool


class ShareRow(msgspec.Struct, frozen=True):
    """One process's share as stored. ``since_ms`` is when it last began to be allowed anything, or
    to wait; from ``until_ms`` on it counts for nothing."""

    owner: str
    allowed: int
    counted: int
    wanted: int
    since_ms: int
    asked_ms: int
    until_ms: int


def decide(
    ask: BoundAsk, owner: str, rows: Sequence[ShareRow], *, now_ms: int, ttl_ms: int
) -> tuple[ShareRow | None, BoundGrant]:
    """The owner's new row (``None``: it needs none) and what it says to the owner.

    ``rows`` are all stored for this bound. Those who want are served evenly, by what they want
    (max-min fair), and split what is left over. Where there are more of them than places, the
    places go round: each is held for ``SLICE_MS`` and goes to the one that waits longest.
    """
    live = [row for row in rows if row.until_ms > now_ms]
    others = [row for row in live if row.owner != owner]
    mine = next((row for row in live if row.owner == owner and row.wanted), None)
    free = max(ask.bound - sum(row.counted for row in others), 0)
    rivals = [row for row in others if row.wanted and row.asked_ms > now_ms - ttl_ms]
    crowded = len(rivals) >= ask.bound
    if not ask.wanted:
        fair = 0
    elif crowded:
        fair = _turn(owner, mine, rivals, free, now_ms)
    else:
        fair = _even(ask, owner, rivals)
    allowed = min(fair, free)
    grant = BoundGrant(ask.webhook, ask.kind, allowed, crowded)
    return _row(ask, owner, mine, allowed, now_ms, ttl_ms), grant


def decide_all(
    asks: Sequence[BoundAsk],
    owner: str,
    stored: Mapping[tuple[WebhookId, BoundKind], Sequence[ShareRow]],
    *,
    now_ms: int,
    ttl_ms: int,
) -> list[tuple[ShareRow | None, BoundGrant]]:
    """``decide`` for several asks, in their order.

    Who may have nothing in flight wants no starts either. Were the places of both bounds to go
    round by themselves, each of two processes could hold what the other one needs, for ever.
    """

    def decided(ask: BoundAsk) -> tuple[ShareRow | None, BoundGrant]:
        rows = stored.get((ask.webhook, ask.kind), ())
        return decide(ask, owner, rows, now_ms=now_ms, ttl_ms=ttl_ms)

    places = {ask.webhook: decided(ask) for ask in asks if ask.kind is BoundKind.IN_FLIGHT}
    outcomes: list[tuple[ShareRow | None, BoundGrant]] = []
    for ask in asks:
        place = places.get(ask.webhook)
        if ask.kind is BoundKind.IN_FLIGHT and place is not None:
            outcomes.append(place)
        elif place is not None and not place[1].allowed:
            outcomes.append(decided(msgspec.structs.replace(ask, wanted=0)))
        else:
            outcomes.append(decided(ask))
    return outcomes


def _even(ask: BoundAsk, owner: str, rivals: Sequence[ShareRow]) -> int:
    """The owner's even share, where there is at least one place for each."""
    wants = sorted([(ask.wanted, owner), *((row.wanted, row.owner) for row in rivals)])
    left, fair = ask.bound, 0
    for served, (wanted, name) in enumerate(wants):
        share = min(wanted, left // (len(wants) - served))
        left -= share
        fair += share if name == owner else 0
    each, rest = divmod(left, len(wants))
    return fair + each + (sorted(name for _, name in wants).index(owner) < rest)


def _turn(
    owner: str, mine: ShareRow | None, rivals: Sequence[ShareRow], free: int, now_ms: int
) -> int:
    """1 while it is the owner's turn, else 0."""
    if mine is not None and mine.allowed:
        return int(now_ms < mine.since_ms + SLICE_MS)
    place = (now_ms if mine is None else mine.since_ms, owner)
    ahead = sum(
        not row.allowed and row.asked_ms > now_ms - _FRESH_MS and (row.since_ms, row.owner) < place
        for row in rivals
    )
    return int(free > ahead)


def _row(
    ask: BoundAsk, owner: str, mine: ShareRow | None, allowed: int, now_ms: int, ttl_ms: int
) -> ShareRow | None:
    if not ask.wanted and not ask.used:
        return None
    goes_on = mine is not None and (mine.allowed > 0) == (allowed > 0)
    # What began at the end of the share's time still counts for a window.
    window_ms = ceil(ask.window_s * 1000)
    lasts_ms = ttl_ms if ask.wanted or not window_ms else 0
    return ShareRow(
        owner=owner,
        allowed=allowed,
        counted=max(allowed, ask.used),
        wanted=ask.wanted,
        since_ms=mine.since_ms if mine is not None and goes_on else now_ms,
        asked_ms=now_ms,
        until_ms=now_ms + lasts_ms + window_ms,
    )
