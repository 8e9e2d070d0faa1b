"""Facts: what a source says happened, already read and checked, on its way to the fold."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from offhook.model.ids import CallId


class FactKind(StrEnum):
    """What kind of statement a call fact is."""

    EVENT = "event"
    """One step of a live call; ``CallFact.type`` says which."""
    RECORD = "record"
    """A finished call, whole: a CSV row, a polled CDR."""
    SETTLE = "settle"
    """The settling time has passed: an absence is now a fact."""
    RECHECK_REPEAT = "recheck_repeat"
    """An older call of the same contact arrived late: this one is a repeat."""


class CallFact(msgspec.Struct, frozen=True):
    """A statement about one call. ``fields`` holds only what was stated, by ``CallData`` name,
    already of its type; ``None`` stands for stated as empty."""

    call_id: CallId
    kind: FactKind
    type: str | None
    fields: dict[str, Any]
    occurred_at: datetime | None = None
    historical: bool | None = None
    headers: dict[str, str] | None = None


class PlainFact(msgspec.Struct, frozen=True):
    """An event that is no call's: its ``data`` leaves as it came. ``key`` is ``None`` when the
    event is its own key."""

    type: str
    key: str | None
    data: bytes
    headers: dict[str, str] | None = None


class ContactProbe(msgspec.Struct, frozen=True):
    """What to look up before the fold to know whether this contact called before.

    ``started_ms`` is ``None`` where the fact does not say when the call began: then it counts as
    begun at the commit."""

    contact_number: str
    started_ms: int | None


class FoldContext(msgspec.Struct, frozen=True):
    """What the fold is told besides the call and the fact.

    ``repeat`` says whether a call of the same contact began in the 30 days before (``None``: not
    looked up); ``later_first`` names the calls in the 30 days after that do not yet count as
    repeats.
    """

    now: datetime
    test: bool = False
    repeat: bool | None = None
    later_first: tuple[str, ...] = ()
    settle_s: float = 15.0
    live_window_s: float = 3600.0


class Draft(msgspec.Struct, frozen=True):
    """An event that the fold decided on, before it has a place in the log."""

    type: str
    data: bytes
    historical: bool = False
    headers: dict[str, str] | None = None


class TimerKind(StrEnum):
    """What a durable timer does when it is due: it submits the fact of the same name."""

    SETTLE = "settle"
    RECHECK_REPEAT = "recheck_repeat"


class TimerChange(msgspec.Struct, frozen=True):
    """Set the key's timer of this kind to ``due_ms``, or clear it with ``None``."""

    kind: TimerKind
    key: str
    due_ms: int | None
