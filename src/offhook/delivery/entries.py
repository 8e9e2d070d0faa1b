"""Values that cross the delivery ports: what the dispatcher decided, and what it needs to know."""

from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from offhook.delivery.filter_faults import FilterFaults
from offhook.delivery.health import UNTRIED, EndpointHealth
from offhook.delivery.replays.entries import ReplayProgress
from offhook.log.entries import Lease
from offhook.model.event import LogEvent
from offhook.model.ids import AccountId, EventId, ReplayId, WebhookId
from offhook.signing.secret import Secret

Place: TypeAlias = tuple[WebhookId, int, int]
"""Where a delivery stands: webhook, partition and position."""

LAST_ATTEMPT: Final = (2**62, 2**31 - 1)
"""After when (in Unix milliseconds) and which number no attempt of a delivery is."""


class StoredWebhook(msgspec.Struct, frozen=True):
    """A webhook as stored: its document (JSON of ``WebhookDocument``), its valid secrets, the
    newest first, and the head of each partition when it was made: it gets what comes after.

    ``revision`` counts from 1 and rises with each change; the times are the store's, in Unix
    milliseconds. ``disabled_reason`` says why Offhook disabled it, if it was not its owner.
    """

    id: WebhookId
    account: AccountId
    document: bytes
    secrets: tuple[Secret, ...]
    starts: dict[int, int]
    revision: int = 1
    created_ms: int = 0
    updated_ms: int = 0
    disabled_reason: str | None = None
    health: EndpointHealth = UNTRIED
    """As of when it was read; a snapshot for the dispatcher leaves it out."""
    filter_faults: FilterFaults | None = None
    """Left out of a snapshot, too."""
    hash_key: bytes = b""
    """The account's, with which contacts are hashed."""
    sealed: str | None = None
    """Why its secrets or the values of its headers cannot be opened, where that is so: it has no
    secrets then, and its document is as it is stored."""


class WebhookSnapshot(msgspec.Struct, frozen=True):
    """All webhooks that may receive, and the ``config_version`` they were read at. ``sealed`` are
    those that could not be opened, with the reason."""

    config_version: int
    webhooks: tuple[StoredWebhook, ...]
    sealed: tuple[tuple[WebhookId, str], ...] = ()


class Lane(msgspec.Struct, frozen=True):
    """The deliveries of one key to one ordered endpoint; ``key`` is the lane's name, see
    ``lane_name``."""

    webhook: WebhookId
    key: str


_OF_REPLAY = "\x1f"


def lane_name(key: str, replay: ReplayId | None) -> str:
    """What the lane of a key is called: a replay has lanes of its own, so that it never closes a
    live one. Theirs begin with a character that no key has."""
    return key if replay is None else f"{_OF_REPLAY}{replay}:{key}"


def is_live_lane(lane: Lane) -> bool:
    """Whether it is no replay's."""
    return not lane.key.startswith(_OF_REPLAY)


class LaneAge(msgspec.Struct, frozen=True):
    """Which lanes of an endpoint are held too long: those whose head failed first at or before
    ``failed_by_ms``."""

    partition: int
    webhook: WebhookId
    failed_by_ms: int


class AttemptRecord(msgspec.Struct, frozen=True):
    """One attempt, for the record. Durations are in milliseconds, ``None`` where the attempt did
    not get that far; ``response`` is the start of the body, kept for failures. ``late`` marks one
    made outside its lane, ``replay`` the job that sent it again; ``detail`` is JSON of headers and
    timings."""

    webhook: WebhookId
    partition: int
    position: int
    account: AccountId
    event_id: EventId
    event_type: str
    key: str
    number: int
    started_ms: int
    duration_ms: float
    accepted: bool
    status: int | None
    error: str | None
    response: bytes | None
    late: bool = False
    replay: ReplayId | None = None
    detail: bytes | None = None


class PendingState(StrEnum):
    """Why a delivery has a row of its own."""

    RETRY = "retry"
    """Waits for its next attempt, due at ``due_ms``."""
    WAITING = "waiting"
    """Waits behind an earlier one of its lane."""
    FAILED = "failed"
    """Given up: exhausted, refused for good, or impossible to send."""
    CANCELED = "canceled"
    """Its endpoint was disabled before it was accepted."""


class PendingRow(msgspec.Struct, frozen=True):
    """A delivery that could not be made at once. ``lane`` is the key where the endpoint keeps
    order, ``None`` where it does not; ``number`` counts the attempts made so far; ``due_ms`` is set
    in state ``retry`` alone. ``since_ms`` is when the 24 hours of trying began, ``failed_ms`` when
    an attempt of it failed first.

    ``late`` names the lane that it was let out of (``lane`` is ``None`` then), or put back into
    after later ones had gone; ``replay`` the job that sends it again, in lanes of its own.
    """

    webhook: WebhookId
    partition: int
    position: int
    account: AccountId
    event_id: EventId
    event_type: str
    key: str
    lane: str | None
    state: PendingState
    number: int
    due_ms: int | None
    since_ms: int
    failed_ms: int | None = None
    late: str | None = None
    replay: ReplayId | None = None
    reason: str | None = None

    @property
    def own_lane(self) -> Lane:
        """The lane that it stands in, stood in, or would."""
        return Lane(self.webhook, lane_name(self.key, self.replay))


class DuePending(msgspec.Struct, frozen=True):
    """A pending delivery whose time has come, with its event."""

    row: PendingRow
    event: LogEvent


class HeldRange(msgspec.Struct, frozen=True):
    """A cursor of its own for an endpoint that fell behind: it gets what stands after
    ``from_position - 1`` by reading the log again."""

    webhook: WebhookId
    partition: int
    from_position: int


class Announcement(msgspec.Struct, frozen=True):
    """An event about an endpoint or a delivery, on its way to the log. It is handed to the appender
    under ``event_id``, as often as it takes: the log has it once. ``data`` is JSON."""

    partition: int
    account: AccountId
    event_id: EventId
    type: str
    key: str
    test: bool
    data: bytes


class Disabling(msgspec.Struct, frozen=True, order=True):
    """An endpoint that is to be disabled for a ``reason``, unless it was changed after the
    ``revision`` that this was decided of."""

    webhook: WebhookId
    revision: int
    reason: str


class PartitionChanges(msgspec.Struct, frozen=True):
    """All that the deliver consumer decided for one partition since it last wrote.

    Applied in this order: pending rows of ``settled`` are deleted, ``rows`` are put in or replace
    the row of the same delivery, then every lane that was touched is mended: its lowest live row is
    made due (``retry``, now) if it is ``waiting``, and any other ``retry`` row becomes ``waiting``.
    A row put into a lane that was let go, and is not empty yet, is let go too (``lanes.relax``).
    """

    lease: Lease
    cursor: int
    attempts: tuple[AttemptRecord, ...] = ()
    settled: tuple[tuple[WebhookId, int], ...] = ()
    rows: tuple[PendingRow, ...] = ()
    held: tuple[HeldRange, ...] = ()
    """Ranges to open or to move on."""
    met: tuple[WebhookId, ...] = ()
    """Webhooks whose range is done."""
    disable: tuple[Disabling, ...] = ()
    """Webhooks to disable: their live pending rows become ``canceled``."""
    hurry: tuple[Lane, ...] = ()
    """Lanes whose head is to be made due now."""
    release: tuple[Lane, ...] = ()
    """Lanes that are let go unordered until they are empty: their live rows leave the lane, those
    that waited are due now."""
    announce: tuple[Announcement, ...] = ()
    """What is to be told of in the log."""
    requests: tuple[int, ...] = ()
    """Dispatch requests that these changes carry out: they are deleted."""
    replays: tuple[ReplayProgress, ...] = ()
    """How far replays are now."""


class ApplyReport(msgspec.Struct, frozen=True):
    """What became of an apply: partitions whose lease was lost (nothing of theirs was written),
    lanes that had no live row before and have one now, lanes that had one and have none left, and
    how many attempts left only a stub."""

    lost: frozenset[int] = frozenset()
    closed: frozenset[Lane] = frozenset()
    opened: frozenset[Lane] = frozenset()
    stubs: int = 0


class DueSlice(msgspec.Struct, frozen=True):
    """Deliveries to retry now, taken evenly over the endpoints, and when the next one after them is
    due."""

    items: tuple[DuePending, ...]
    next_due_ms: int | None


class RequestKind(StrEnum):
    """What the outside may ask of a delivery's owner."""

    RETRY = "retry"


class DispatchRequest(msgspec.Struct, frozen=True):
    """Somebody asks the owner of a partition to do something about a delivery; ``row`` is what
    stands in ``pending`` for it."""

    id: int
    kind: RequestKind
    webhook: WebhookId
    partition: int
    position: int
    row: PendingRow | None


class DeliveryStatus(StrEnum):
    """What a user sees of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


class DeliveryView(msgspec.Struct, frozen=True):
    """A delivery as users see it, put together from where its traces are."""

    webhook: WebhookId
    partition: int
    position: int
    event_id: EventId
    event_type: str
    key: str
    status: DeliveryStatus
    attempts: int
    next_attempt_ms: int | None
    last_attempt: AttemptRecord | None
    reason: str | None
    created_ms: int | None = None
    """When its event was made; ``None`` where that is past its retention."""


UNDELIVERED = frozenset({DeliveryStatus.PENDING, DeliveryStatus.FAILED, DeliveryStatus.CANCELED})
"""What was not accepted, and is known not to have been."""


class DeliveryFilter(msgspec.Struct, frozen=True):
    """Which deliveries to list: of a status, or of all that say ``undelivered``; of events created
    in [``since_ms``, ``until_ms``), Unix milliseconds."""

    webhook: WebhookId | None = None
    event: EventId | None = None
    status: DeliveryStatus | None = None
    type: str | None = None
    key: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    undelivered: bool = False

    @property
    def statuses(self) -> frozenset[DeliveryStatus] | None:
        """Those to list; ``None``: any."""
        if self.undelivered:
            return UNDELIVERED
        return None if self.status is None else frozenset({self.status})


class Asked(msgspec.Struct, frozen=True):
    """How many deliveries something was asked for, and whether there are more."""

    requested: int
    more: bool


class Request(msgspec.Struct, frozen=True):
    """An outgoing request; ``timeout_s`` covers all of it, from connecting to the last byte. Of a
    failure the response's headers come back, with ``keep_response`` those of any."""

    url: str
    headers: dict[str, str]
    body: bytes
    timeout_s: float
    keep_response: bool = False


class FailureKind(StrEnum):
    """Why there is no usable answer."""

    CONNECT = "connect"
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    BLOCKED = "blocked"
    """The address is not allowed as a target."""
    DNS = "dns"
    """The name does not resolve."""
    TLS = "tls"
    """No encrypted connection: a certificate that is not accepted, or no TLS at all."""
    INTERNAL = "internal"
    """Our own fault: the request could not be built."""
    SHORTAGE = "shortage"
    """Our own fault: this process has none left of what a connection takes: file descriptors,
    threads, memory, local ports."""
    UNSETTLED = "unsettled"
    """Our own fault, and one that nobody foresaw: it could not be sent, or what came back could not
    be judged."""


_OURS = frozenset({FailureKind.INTERNAL, FailureKind.SHORTAGE, FailureKind.UNSETTLED})


class Timings(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How long the steps of an exchange took, in milliseconds: until an address was known, until
    it was connected, the TLS handshake, and from then until the answer's head. ``None`` for what a
    kept connection spared, and for what was not come to."""

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None


class Answer(msgspec.Struct, frozen=True):
    """What came back: a status with the start of the body, or a failure in its place.
    ``retry_after`` and ``date`` are headers as they came; ``record`` is what
    ``AttemptRecord.detail`` keeps of the exchange, ``trace_id`` the trace it is part of."""

    status: int | None
    failure: FailureKind | None = None
    detail: str | None = None
    body: bytes = b""
    retry_after: str | None = None
    date: str | None = None
    duration_ms: float = 0.0
    timings: Timings | None = None
    headers: tuple[tuple[str, str], ...] = ()
    record: bytes | None = None
    trace_id: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the fault is our own: it says nothing about the endpoint."""
        return self.failure in _OURS
