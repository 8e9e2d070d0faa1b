"""Values that lists of deliveries are put together from."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import msgspec

from offhook.delivery.entries import DeliveryView, PendingState
from offhook.model.ids import WebhookId


class Span(NamedTuple):
    """The positions (``after``, ``through``] of a partition."""

    after: int
    through: int


class Stretch(NamedTuple):
    """Positions of a partition, from ``first`` to the end of the log, at which deliveries to an
    endpoint may have left no trace: it has not come to them, or, unless it is ``enabled``, was not
    sent them."""

    webhook: WebhookId
    partition: int
    first: int
    enabled: bool


class Look(NamedTuple):
    """Where to look for traces of deliveries to an endpoint: at positions (``after``, ``through``]
    of a partition."""

    webhook: WebhookId
    partition: int
    after: int
    through: int


class Seen(NamedTuple):
    """What a look came upon: ``look`` counts from 0 in the order asked. ``fits`` the filter, or is
    the last of those that were looked at. The event was created at ``created_ms``, or the
    trace was made then where the event is gone."""

    look: int
    position: int
    fits: bool
    last: bool
    created_ms: int


class TraceFilter(msgspec.Struct, frozen=True):
    """Which traces fit: rows in these states, or in any; attempts that were accepted, or of
    deliveries that never were, and have no row, or any; of types by name or by their beginning, or
    of any."""

    states: frozenset[PendingState] | None = None
    accepted: bool | None = None
    types: tuple[str, ...] | None = None
    prefixes: tuple[str, ...] = ()


class Candidate(NamedTuple):
    """A delivery that may belong on a page; in the order of a partition."""

    position: int
    webhook: WebhookId
    created_ms: int


Rest: TypeAlias = Mapping[int, tuple[int, WebhookId | None]]
"""What of a list comes after a page: of each partition that has more, the position that it goes on
from, and with which endpoint; ``None``: with all."""


class DeliveryPage(NamedTuple):
    """A page of deliveries, newest event first; ``rest`` is empty on the last one. A page may be
    short, even empty, before that: so many places are looked at for one, and no more."""

    views: list[DeliveryView]
    rest: Rest
