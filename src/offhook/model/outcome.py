"""How a call turned out: decided from all that is known of it, in whatever order it came."""

from collections.abc import Mapping
from typing import Any

from offhook.model import catalogue
from offhook.model.call import (
    AnsweredBy,
    CallData,
    Direction,
    Failure,
    MissedReason,
    Outcome,
)
from offhook.model.merge import Edit

_OF_TYPE = {
    catalogue.ABANDONED: Outcome.ABANDONED,
    catalogue.VOICEMAIL: Outcome.VOICEMAIL,
    catalogue.VOICEMAIL_DETECTED: Outcome.MACHINE,
    catalogue.FAILED: Outcome.FAILED,
    catalogue.MISSED: Outcome.MISSED,
}
_OF_FAILURE = {
    Failure.BUSY: Outcome.BUSY,
    Failure.NO_ANSWER: Outcome.NO_ANSWER,
    Failure.CANCELED: Outcome.CANCELED,
}
_OF_REASON = {
    MissedReason.VOICEMAIL: Outcome.VOICEMAIL,
    MissedReason.ABANDONED_IVR: Outcome.ABANDONED,
    MissedReason.ABANDONED_QUEUE: Outcome.ABANDONED,
    MissedReason.ABANDONED_RING: Outcome.ABANDONED,
    MissedReason.BUSY: Outcome.BUSY,
    MissedReason.FAILED: Outcome.FAILED,
}
_REASON_OF = {
    Outcome.VOICEMAIL: MissedReason.VOICEMAIL,
    Outcome.MACHINE: MissedReason.VOICEMAIL,
    Outcome.BUSY: MissedReason.BUSY,
    Outcome.FAILED: MissedReason.FAILED,
    Outcome.CANCELED: MissedReason.ABANDONED_RING,
}
_FAILURE_OF = {
    Outcome.BUSY: Failure.BUSY,
    Outcome.CANCELED: Failure.CANCELED,
}
_GENERAL = frozenset({Outcome.MISSED, Outcome.FAILED})
_NO_PERSON = frozenset({AnsweredBy.MACHINE, AnsweredBy.FAX})
_SIP_FAILURES = {
    403: Failure.REJECTED,
    404: Failure.INVALID_NUMBER,
    408: Failure.NO_ANSWER,
    410: Failure.INVALID_NUMBER,
    480: Failure.NO_ANSWER,
    484: Failure.INVALID_NUMBER,
    486: Failure.BUSY,
    487: Failure.CANCELED,
    600: Failure.BUSY,
    603: Failure.REJECTED,
    604: Failure.INVALID_NUMBER,
    607: Failure.REJECTED,
    608: Failure.REJECTED,
}


def sip_failure(code: int | None) -> Failure | None:
    """What a final SIP response (RFC 3261, section 21) says of a call that did not connect."""
    if code is None:
        return None
    return _SIP_FAILURES.get(code) or (Failure.CARRIER if 500 <= code <= 599 else None)


def stated_outcome(before: Outcome | None, type_: str, fields: Mapping[str, Any]) -> Outcome | None:
    """The source's own word for the outcome once this fact is heard: a later one wins, unless it
    says less."""
    word = before
    failure, reason = fields.get("failure"), fields.get("missed_reason")
    voicemail = fields.get("voicemail")
    for said in (
        _OF_TYPE.get(type_),
        None if failure is None else _OF_FAILURE.get(failure, Outcome.FAILED),
        None if reason is None else _OF_REASON.get(reason, Outcome.MISSED),
        Outcome.VOICEMAIL if voicemail is not None and voicemail.left else None,
        fields.get("outcome"),
    ):
        if said is not None and (word is None or _specificity(said) >= _specificity(word)):
            word = said
    return word


def _specificity(outcome: Outcome) -> int:
    if outcome in _GENERAL:
        return 0
    return 2 if outcome in (Outcome.ANSWERED, Outcome.MACHINE) else 1


def decide(data: CallData, seen: tuple[str, ...], stated: Outcome | None) -> Outcome | None:
    """The outcome by evidence and by statement; ``None`` while only an absence could decide."""
    if data.direction is Direction.OUTBOUND:
        return _decide_outbound(data, seen, stated)
    if _person_answered(data, seen, stated):
        return Outcome.ANSWERED
    if stated is Outcome.ANSWERED or (stated is Outcome.MACHINE and _is_inbound(data)):
        return Outcome.VOICEMAIL
    return _refined(data, stated)


def decide_absent(data: CallData) -> Outcome:
    """The outcome of a call that ended and of which nobody said that it was answered."""
    if _is_inbound(data):
        hung_up = data.hangup_by == "caller" or sip_failure(data.sip_code) is Failure.CANCELED
        return Outcome.ABANDONED if hung_up else Outcome.MISSED
    failure = data.failure or sip_failure(data.sip_code)
    return Outcome.NO_ANSWER if failure is None else _OF_FAILURE.get(failure, Outcome.FAILED)


def _decide_outbound(
    data: CallData, seen: tuple[str, ...], stated: Outcome | None
) -> Outcome | None:
    if stated is Outcome.ABANDONED or catalogue.ABANDONED in seen:
        return Outcome.ABANDONED
    if stated is Outcome.VOICEMAIL:
        return stated
    if data.answered_by in _NO_PERSON:
        return Outcome.MACHINE
    if (
        stated in (Outcome.ANSWERED, Outcome.MACHINE)
        or data.answered_at is not None
        or data.agent_connected_at is not None
        or catalogue.ANSWERED in seen
        or catalogue.CONNECTED in seen
        or data.talk_s
    ):
        return Outcome.ANSWERED
    return Outcome.NO_ANSWER if stated is Outcome.MISSED else _refined(data, stated)


def _person_answered(data: CallData, seen: tuple[str, ...], stated: Outcome | None) -> bool:
    if data.answered_by in _NO_PERSON:
        return False
    if (
        stated is Outcome.ANSWERED
        or data.agent_connected_at is not None
        or catalogue.ANSWERED in seen
        or catalogue.CONNECTED in seen
    ):
        return True
    # A bare time of answer may be an IVR's or a voicemail box's: the source's own word counts more.
    return stated is None and (data.answered_at is not None or bool(data.talk_s))


def _refined(data: CallData, stated: Outcome | None) -> Outcome | None:
    if stated is not Outcome.FAILED:
        return stated
    failure = data.failure or sip_failure(data.sip_code)
    return stated if failure is None else _OF_FAILURE.get(failure, stated)


def _is_inbound(data: CallData) -> bool:
    return data.direction is Direction.INBOUND


def conclude(edit: Edit, outcome: Outcome | None, seen: tuple[str, ...]) -> None:
    """Set the outcome, and the failure and the reason for missing the call that go with it."""
    data = edit.data
    edit.set("outcome", outcome)
    if outcome is Outcome.ANSWERED or outcome is Outcome.MACHINE:
        edit.retract("failure")
        edit.retract("missed_reason")
        return
    edit.derive("failure", _failure(data, outcome))
    edit.derive("missed_reason", _missed_reason(data, outcome, seen))


def _failure(data: CallData, outcome: Outcome | None) -> Failure | None:
    if outcome is Outcome.FAILED:
        return sip_failure(data.sip_code)
    if outcome is Outcome.NO_ANSWER and not _is_inbound(data):
        return Failure.NO_ANSWER
    return None if outcome is None else _FAILURE_OF.get(outcome)


def _missed_reason(
    data: CallData, outcome: Outcome | None, seen: tuple[str, ...]
) -> MissedReason | None:
    if outcome is None or not _is_inbound(data):
        return None
    if outcome is not Outcome.ABANDONED:
        return _REASON_OF.get(outcome, MissedReason.NO_ANSWER)
    if was_queued(data, seen):
        return MissedReason.ABANDONED_QUEUE
    if data.ivr_s and not data.ring_s and catalogue.RINGING not in seen:
        return MissedReason.ABANDONED_IVR
    return MissedReason.ABANDONED_RING


def was_queued(data: CallData, seen: tuple[str, ...]) -> bool:
    """Whether the call is known to have waited in a queue."""
    return catalogue.QUEUED in seen or data.queue is not None or data.wait_s is not None
