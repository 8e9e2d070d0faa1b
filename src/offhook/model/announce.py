"""Which events a fact gives rise to: each thing is said once, and no change goes unsaid."""

from collections.abc import Mapping
from typing import Any

from offhook.model import catalogue
from offhook.model.call import Call, CallData, Direction, Outcome, Status
from offhook.model.merge import is_past

TERMINAL = frozenset({catalogue.ABANDONED, catalogue.VOICEMAIL, catalogue.FAILED, catalogue.MISSED})
WITH_CHANGES = frozenset({catalogue.UPDATED, catalogue.DISPOSITION_MODIFIED})
"""The events that say what changed."""

_DISPOSITIONS = (catalogue.DISPOSITION_SET, catalogue.DISPOSITION_MODIFIED)
_REPEATABLE = (catalogue.TRANSFERRED, catalogue.RECORDING_RECEIVED)
_LAST_STATUS = {
    catalogue.STARTED: Status.INITIATED,
    catalogue.RINGING: Status.QUEUED,
    catalogue.QUEUED: Status.QUEUED,
    catalogue.ANSWERED: Status.ANSWERED,
    catalogue.CONNECTED: Status.ANSWERED,
    catalogue.TRANSFERRED: Status.ANSWERED,
}
"""The last status in which a step is still news; past it, what it brings is an update."""

_TOLD_BY_TERMINAL = frozenset({"outcome", "missed_reason", "failure"})
_DID_NOT_CONNECT = frozenset({Outcome.FAILED, Outcome.BUSY, Outcome.CANCELED})


def announcements(
    known: Call, data: CallData, changes: Mapping[str, Any], posted: str | None, first: bool
) -> list[str]:
    """The types of the events to write, in order, once ``known`` has become ``data``.

    ``posted`` is the type that the source posted, if it was a source; ``first`` tells that the
    call was not known before. Empty when nothing new was said.
    """
    ending = [type_ for type_ in _terminal_types(data) if type_ not in known.said]
    types = _news(known, posted, ending, changes)
    saved = _disposition_type(known, changes, posted, first)
    carried = (
        posted in types
        or (saved is not None and posted in _DISPOSITIONS)
        or (bool(ending) and posted in TERMINAL)
    )
    if not carried and _unsaid(changes, ending):
        types.insert(0, catalogue.UPDATED)
    if saved is not None:
        types.append(saved)
    if _corrects(known, data) and catalogue.UPDATED not in types:
        types.append(catalogue.UPDATED)
    return types


def _news(
    known: Call, posted: str | None, ending: list[str], changes: Mapping[str, Any]
) -> list[str]:
    if posted is None or posted in TERMINAL or not _is_news(known, posted, changes):
        return ending
    return [*ending, posted] if posted == catalogue.ENDED else [posted, *ending]


def _is_news(known: Call, posted: str, changes: Mapping[str, Any]) -> bool:
    if posted == catalogue.UPDATED or posted in _DISPOSITIONS:
        return False
    if posted in known.said and not (posted in _REPEATABLE and changes):
        return False
    last = _LAST_STATUS.get(posted)
    return last is None or not is_past(known.data, last)


def _terminal_types(data: CallData) -> tuple[str, ...]:
    own = _own_terminal(data)
    if data.direction is not Direction.INBOUND:
        return own
    if data.outcome in (None, Outcome.ANSWERED):
        return ()
    return (*own, catalogue.MISSED)


def _own_terminal(data: CallData) -> tuple[str, ...]:
    outcome = data.outcome
    if outcome is Outcome.ABANDONED:
        return (catalogue.ABANDONED,)
    if outcome is Outcome.VOICEMAIL:
        return (catalogue.VOICEMAIL,)
    if outcome in _DID_NOT_CONNECT or (outcome is Outcome.NO_ANSWER and data.failure is not None):
        return (catalogue.FAILED,)
    return ()


def _disposition_type(
    known: Call, changes: Mapping[str, Any], posted: str | None, first: bool
) -> str | None:
    was_posted = posted in _DISPOSITIONS
    if "disposition" in changes:
        if first and not was_posted:
            return None
        modified = known.data.disposition is not None
        return catalogue.DISPOSITION_MODIFIED if modified else catalogue.DISPOSITION_SET
    if was_posted and not any(type_ in known.said for type_ in _DISPOSITIONS):
        return catalogue.DISPOSITION_SET
    return None


def _unsaid(changes: Mapping[str, Any], ending: list[str]) -> bool:
    told = _TOLD_BY_TERMINAL if ending else frozenset()
    return any(field != "disposition" and field not in told for field in changes)


def _corrects(known: Call, data: CallData) -> bool:
    return (
        data.outcome is Outcome.ANSWERED
        and known.data.outcome not in (None, Outcome.ANSWERED)
        and not TERMINAL.isdisjoint(known.said)
    )
