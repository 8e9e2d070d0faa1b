"""The call: one truth per call, in the shape that leaves in every call event's ``data``."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Direction(StrEnum):
    """Who dialled."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Status(StrEnum):
    """Where the call stands; never goes back."""

    INITIATED = "initiated"
    RINGING = "ringing"
    QUEUED = "queued"
    ANSWERED = "answered"
    ENDED = "ended"


class Outcome(StrEnum):
    """How the call turned out; the more specific word wins."""

    ANSWERED = "answered"
    MISSED = "missed"
    ABANDONED = "abandoned"
    VOICEMAIL = "voicemail"
    FAILED = "failed"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    CANCELED = "canceled"
    MACHINE = "machine"


class MissedReason(StrEnum):
    """Why no person answered an inbound call."""

    NO_ANSWER = "no_answer"
    ABANDONED_IVR = "abandoned_ivr"
    ABANDONED_QUEUE = "abandoned_queue"
    ABANDONED_RING = "abandoned_ring"
    VOICEMAIL = "voicemail"
    CLOSED = "closed"
    NO_AGENTS = "no_agents"
    BUSY = "busy"
    BLOCKED = "blocked"
    FAILED = "failed"


class Failure(StrEnum):
    """Why a call never connected; the last two count against the route."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELED = "canceled"
    REJECTED = "rejected"
    INVALID_NUMBER = "invalid_number"
    NO_ROUTE = "no_route"
    CARRIER = "carrier"


class AnsweredBy(StrEnum):
    """What picked up."""

    HUMAN = "human"
    MACHINE = "machine"
    FAX = "fax"
    UNKNOWN = "unknown"


class LegRole(StrEnum):
    """What a leg of a call is for."""

    CALLER = "caller"
    AGENT = "agent"
    BUYER = "buyer"
    TRANSFER = "transfer"
    VOICEMAIL = "voicemail"
    IVR = "ivr"


class Transition(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The step in status that an event reports."""

    from_: Status | None
    to: Status


class Disposition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the agent or the rule said the call came to."""

    code: str
    note: str | None = None


class Voicemail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The voicemail box's part of the call."""

    left: bool
    url: str | None = None
    duration_s: float | None = None


class Location(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the contact is, and what says so (``basis``)."""

    zip: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    timezone: str | None = None
    basis: str | None = None


class Visitor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The web session that led to the call."""

    session_id: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_term: str | None = None
    utm_content: str | None = None
    gclid: str | None = None
    fbclid: str | None = None
    landing_page: str | None = None
    referrer: str | None = None


class Leg(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """One leg of a call, as its source reported it."""

    id: str
    external_id: str | None = None
    role: LegRole | None = None
    from_: str | None = None
    to: str | None = None
    status: Status | None = None
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    talk_s: float | None = None
    hangup_cause: str | None = None
    sip_code: int | None = None
    agent_id: str | None = None
    transferred_from: str | None = None


class CallData(msgspec.Struct):
    """``data`` of a call event: the full context of the call after it. All fields always present.

    Times are aware and in UTC, ``*_s`` are seconds, money is an exact decimal string beside
    ``currency``, numbers are E.164, unknown is ``None``. Treated as a value: whoever changes one
    copies it first.
    """

    call_id: str
    external_id: str | None = None
    source: str | None = None
    client_id: str | None = None
    occurred_at: datetime | None = None
    direction: Direction | None = None
    status: Status = Status.INITIATED
    outcome: Outcome | None = None
    missed_reason: MissedReason | None = None
    failure: Failure | None = None
    transition: Transition | None = None
    changes: dict[str, tuple[Any, Any]] | None = None
    caller_id: str | None = None
    caller_raw: str | None = None
    caller_name: str | None = None
    caller_withheld: bool = False
    dialed_number: str | None = None
    contact_number: str | None = None
    our_number: str | None = None
    target_number: str | None = None
    campaign_id: str | None = None
    buyer_id: str | None = None
    offer_id: str | None = None
    publisher_id: str | None = None
    agent_id: str | None = None
    contact_id: str | None = None
    contact_list_ids: tuple[str, ...] = ()
    queue: str | None = None
    route: str | None = None
    started_at: datetime | None = None
    answered_at: datetime | None = None
    agent_connected_at: datetime | None = None
    ended_at: datetime | None = None
    ring_s: float | None = None
    ivr_s: float | None = None
    wait_s: float | None = None
    hold_s: float | None = None
    talk_s: float | None = None
    wrap_s: float | None = None
    duration_s: float | None = None
    billable_s: float | None = None
    hangup_by: str | None = None
    hangup_cause: str | None = None
    sip_code: int | None = None
    answered_by: AnsweredBy | None = None
    media: Any = None
    disposition: Disposition | None = None
    tags: tuple[str, ...] = ()
    notes: str | None = None
    recording_urls: tuple[str, ...] = ()
    voicemail: Voicemail | None = None
    legs: tuple[Leg, ...] = ()
    revenue: str | None = None
    payout: str | None = None
    cost: str | None = None
    currency: str | None = None
    converted: bool | None = None
    qualified: bool | None = None
    repeat_caller: bool | None = None
    duplicate_of: str | None = None
    historical: bool = False
    location: Location = Location()
    visitor: Visitor = Visitor()
    attributes: dict[str, Any] = {}


class Call(msgspec.Struct):
    """A call's state: its data, and what the fold has to remember.

    ``said`` holds the event types that were announced, ``seen`` those that the source posted;
    ``stated`` is the source's own word for the outcome, and ``derived`` names the fields that
    Offhook worked out, which a statement of the source replaces. ``settle_ms`` is the Unix time in
    milliseconds at which an absence becomes a fact, while one is waiting.
    """

    data: CallData
    test: bool = False
    said: tuple[str, ...] = ()
    settle_ms: int | None = None
    seen: tuple[str, ...] = ()
    stated: Outcome | None = None
    derived: tuple[str, ...] = ()
