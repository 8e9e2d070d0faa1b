"""The call's state machine, a pure fold: a call and a fact come to a new call and its events.

Facts come late, twice and in any order. A statement merges field by field; what follows from the
fields is worked out anew each time, so that the order of arrival decides nothing. What would
follow from an absence alone waits until the call is settled.
"""

from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from offhook.model import catalogue
from offhook.model.announce import TERMINAL, WITH_CHANGES, announcements
from offhook.model.call import AnsweredBy, Call, CallData, Direction, Outcome, Status, Transition
from offhook.model.errors import Conflict, FieldError, Invalid, TooLarge
from offhook.model.event import to_ms
from offhook.model.fact import (
    CallFact,
    Draft,
    FactKind,
    FoldContext,
    TimerChange,
    TimerKind,
)
from offhook.model.merge import Edit, merge, span_s
from offhook.model.outcome import conclude, decide, decide_absent, stated_outcome, was_queued
from offhook.model.reading import IMPLIED_DIRECTION, MAX_DATA_BYTES


class FoldedCall(msgspec.Struct, frozen=True):
    """What a fact comes to: the call after it, the events in order, which of them carries the
    fact (``None``: nothing changed), and the timers to set or clear."""

    call: Call | None
    drafts: tuple[Draft, ...] = ()
    carrier: int | None = None
    timers: tuple[TimerChange, ...] = ()


_STEPS: dict[str, tuple[str | None, Status]] = {
    catalogue.STARTED: ("started_at", Status.INITIATED),
    catalogue.RINGING: (None, Status.RINGING),
    catalogue.QUEUED: (None, Status.QUEUED),
    catalogue.ANSWERED: ("answered_at", Status.ANSWERED),
    catalogue.VOICEMAIL_DETECTED: (None, Status.ANSWERED),
    catalogue.CONNECTED: ("agent_connected_at", Status.ANSWERED),
    catalogue.FAILED: ("ended_at", Status.ENDED),
    catalogue.MISSED: ("ended_at", Status.ENDED),
    catalogue.ENDED: ("ended_at", Status.ENDED),
}
"""What a type says by itself: which moment it is, and the status that the call has reached."""

_HUNG_UP = ("ended_at", Status.ENDED)
_SPANS_FOLLOW = frozenset(
    {
        "started_at",
        "answered_at",
        "agent_connected_at",
        "ended_at",
        "outcome",
        "direction",
        "queue",
        "wait_s",
        "ivr_s",
    }
)
_STAGES = (catalogue.RINGING, catalogue.QUEUED)
_PARTIES = frozenset({"direction", "caller_id", "dialed_number"})
_encode = msgspec.json.Encoder().encode


def fold_call(call: Call | None, fact: CallFact, context: FoldContext) -> FoldedCall:
    """Fold one fact into a call; ``call`` is ``None`` where none is known, and never mutated.

    Raises ``Invalid`` (``unknown_call``) for a fact that names an unknown call without saying
    what it is, ``Conflict`` (``test_mode``) where test and live meet, and ``TooLarge`` where the
    call's data would pass 256 KiB.
    """
    if fact.kind is FactKind.SETTLE:
        return _settle(call, fact, context)
    if fact.kind is FactKind.RECHECK_REPEAT:
        return _recheck_repeat(call, fact, context)
    _check(call, fact, context)
    known = call or Call(CallData(fact.call_id), context.test)
    return _take(known, fact, context, first=call is None)


def _check(call: Call | None, fact: CallFact, context: FoldContext) -> None:
    if call is None:
        if fact.fields.get("external_id") is None:
            raise unknown_call(fact.call_id)
    elif call.test != context.test:
        mode = "test" if call.test else "live"
        raise Conflict(
            f"{fact.call_id} is a {mode} call; use a {mode} key for it.", code="test_mode"
        )


def unknown_call(call_id: str) -> Invalid:
    """The refusal of a fact about a call that is not known."""
    return Invalid(
        f"No call {call_id} is known; send source and external_id first.",
        FieldError("body.data.call_id", f"{call_id} is not known; send source and external_id"),
        code="unknown_call",
    )


def _take(known: Call, fact: CallFact, context: FoldContext, *, first: bool) -> FoldedCall:
    edit = Edit(copy(known.data), known.derived)
    type_ = fact.type or catalogue.ENDED
    merge(edit, fact.fields)
    seen = known.seen if type_ in known.seen else (*known.seen, type_)
    stated = stated_outcome(known.stated, type_, fact.fields)
    _imply(edit, type_, stated, fact)
    decided = decide(edit.data, seen, stated)
    _step_on(edit, type_, decided, fact, context.now)
    settle_ms = _conclude(edit, known, decided, seen, fact, context)
    _follow(edit, known, seen, fact, context)
    types = announcements(known, edit.data, edit.changes, type_, first)
    call = Call(edit.data, known.test, _said(known, types), settle_ms, seen, stated, edit.derived)
    carrier = None
    drafts: tuple[Draft, ...] = ()
    if types:
        carrier = types.index(type_) if type_ in types else 0
        edit.data.occurred_at = _occurred_at(edit.data, type_, fact, context.now)
        drafts = _drafts(edit, known, types, carrier, first, fact.headers)
        _check_size(drafts)
    return FoldedCall(call, drafts, carrier, _timers(known, call, context))


def _settle(call: Call | None, fact: CallFact, context: FoldContext) -> FoldedCall:
    if call is None or call.settle_ms is None:
        return FoldedCall(call, timers=(TimerChange(TimerKind.SETTLE, fact.call_id, None),))
    if to_ms(context.now) < call.settle_ms:
        due = TimerChange(TimerKind.SETTLE, fact.call_id, call.settle_ms)
        return FoldedCall(call, timers=(due,))
    edit = Edit(copy(call.data), call.derived)
    conclude(edit, decide_absent(edit.data), call.seen)
    _follow_spans(edit, call.seen)
    cleared = TimerChange(TimerKind.SETTLE, fact.call_id, None)
    return _said_by_offhook(call, edit, call.data.ended_at or context.now, cleared)


def _recheck_repeat(call: Call | None, fact: CallFact, context: FoldContext) -> FoldedCall:
    cleared = TimerChange(TimerKind.RECHECK_REPEAT, fact.call_id, None)
    if call is None or call.test or call.data.repeat_caller:
        return FoldedCall(call, timers=(cleared,))
    edit = Edit(copy(call.data), call.derived)
    edit.set("repeat_caller", True)
    return _said_by_offhook(call, edit, context.now, cleared)


def _said_by_offhook(
    known: Call, edit: Edit, occurred_at: datetime, timer: TimerChange
) -> FoldedCall:
    types = announcements(known, edit.data, edit.changes, None, first=False)
    edit.data.occurred_at = occurred_at
    settle_ms = None if timer.kind is TimerKind.SETTLE else known.settle_ms
    call = Call(
        edit.data,
        known.test,
        _said(known, types),
        settle_ms,
        known.seen,
        known.stated,
        edit.derived,
    )
    drafts = _drafts(edit, known, types, 0, False, None)
    return FoldedCall(call, drafts, 0 if drafts else None, (timer,))


def _imply(edit: Edit, type_: str, stated: Outcome | None, fact: CallFact) -> None:
    """Take over what the type and the outcome say by their definition."""
    data = edit.data
    if data.direction is None:
        implied = IMPLIED_DIRECTION.get(type_)
        if stated is Outcome.MISSED or data.missed_reason is not None:
            implied = Direction.INBOUND
        edit.derive("direction", implied)
    if type_ == catalogue.VOICEMAIL_DETECTED and "answered_by" not in fact.fields:
        edit.set("answered_by", AnsweredBy.MACHINE)


def _step_on(
    edit: Edit, type_: str, decided: Outcome | None, fact: CallFact, now: datetime
) -> None:
    """Move the call on to where the type says that it is; no moment replaces a stated one."""
    data = edit.data
    if type_ in TERMINAL and decided is Outcome.ANSWERED:
        # A ring group's other legs fail or are given up while the caller is being talked to.
        return
    hung_up = type_ == catalogue.ABANDONED and data.direction is not Direction.OUTBOUND
    step = _HUNG_UP if hung_up else _STEPS.get(type_)
    if step is None:
        return
    field, status = step
    if field is not None and getattr(data, field) is None:
        edit.set(field, _implied_moment(data, field, fact, now))
    edit.advance(status)


def _implied_moment(data: CallData, field: str, fact: CallFact, now: datetime) -> datetime | None:
    if fact.occurred_at is not None:
        return fact.occurred_at
    if field == "ended_at" and data.started_at is not None and data.duration_s is not None:
        return data.started_at + timedelta(seconds=data.duration_s)
    # What arrives after the end, or as a finished record, does not happen now.
    late = data.status is Status.ENDED or fact.kind is FactKind.RECORD
    return None if late else now


def _conclude(
    edit: Edit,
    known: Call,
    decided: Outcome | None,
    seen: tuple[str, ...],
    fact: CallFact,
    context: FoldContext,
) -> int | None:
    """Conclude the outcome; returns when the absence of one is to decide it, in Unix milliseconds,
    if that is still open."""
    data, outcome = edit.data, decided
    settle_ms = None
    if outcome is None and data.status is Status.ENDED:
        if fact.kind is FactKind.RECORD or _is_settled(known):
            outcome = decide_absent(data)
        else:
            settle_ms = known.settle_ms
            if settle_ms is None or edit.changes:
                settle_ms = to_ms(context.now) + round(context.settle_s * 1000)
    conclude(edit, outcome, seen)
    if outcome is Outcome.ANSWERED:
        edit.advance(Status.ANSWERED)
    return settle_ms


def _is_settled(known: Call) -> bool:
    data = known.data
    return data.status is Status.ENDED and known.settle_ms is None and data.outcome is not None


def _follow(
    edit: Edit, known: Call, seen: tuple[str, ...], fact: CallFact, context: FoldContext
) -> None:
    """Work out what follows from the other fields."""
    data, changes = edit.data, edit.changes
    if not _PARTIES.isdisjoint(changes):
        _follow_parties(edit)
    if fact.type in _STAGES or not _SPANS_FOLLOW.isdisjoint(changes):
        _follow_spans(edit, seen)
    if "payout" in changes and data.payout is not None:
        edit.derive("qualified", Decimal(data.payout) > 0)
    if context.repeat is not None and not known.test and data.contact_number is not None:
        edit.set("repeat_caller", bool(context.repeat or data.repeat_caller))
    edit.set("historical", _is_historical(known.data, data, fact, context))


def _follow_parties(edit: Edit) -> None:
    data = edit.data
    if data.direction is None:
        return
    inbound = data.direction is Direction.INBOUND
    edit.set("contact_number", data.caller_id if inbound else data.dialed_number)
    edit.set("our_number", data.dialed_number if inbound else data.caller_id)


def _follow_spans(edit: Edit, seen: tuple[str, ...]) -> None:
    data = edit.data
    edit.derive("duration_s", span_s(data.started_at, data.ended_at))
    answered = data.outcome is Outcome.ANSWERED
    inbound = data.direction is Direction.INBOUND
    bridged_at = data.agent_connected_at or (data.answered_at if inbound else None)
    edit.derive("billable_s", span_s(data.answered_at, data.ended_at) if answered else None)
    edit.derive("talk_s", span_s(bridged_at, data.ended_at) if answered else None)
    rang = data.direction is Direction.OUTBOUND or (
        catalogue.RINGING in seen and data.ivr_s is None and not was_queued(data, seen)
    )
    edit.derive("ring_s", span_s(data.started_at, data.answered_at) if answered and rang else None)


def _is_historical(before: CallData, data: CallData, fact: CallFact, context: FoldContext) -> bool:
    if fact.historical is not None:
        return fact.historical
    if before.historical or before.status is Status.ENDED or data.status is not Status.ENDED:
        return before.historical
    ended_at = data.ended_at or data.started_at
    return ended_at is not None and context.now - ended_at > timedelta(
        seconds=context.live_window_s
    )


def _said(known: Call, types: list[str]) -> tuple[str, ...]:
    new = tuple(type_ for type_ in types if type_ not in known.said)
    return known.said + new if new else known.said


def _occurred_at(data: CallData, type_: str, fact: CallFact, now: datetime) -> datetime:
    if fact.occurred_at is not None:
        return fact.occurred_at
    field = "ended_at" if type_ == catalogue.ABANDONED else _STEPS.get(type_, (None, None))[0]
    stated: datetime | None = fact.fields.get(field) if field is not None else None
    if stated is None and fact.kind is FactKind.RECORD:
        stated = data.ended_at or data.started_at
    return stated or now


def _drafts(
    edit: Edit,
    known: Call,
    types: list[str],
    carrier: int,
    first: bool,
    headers: dict[str, str] | None,
) -> tuple[Draft, ...]:
    data, before = edit.data, None if first else known.data.status
    step = None if data.status is before else Transition(before, data.status)
    changes: dict[str, tuple[Any, Any]] = edit.changes
    drafts = []
    for place, type_ in enumerate(types):
        carries = place == carrier
        data.transition = step if carries else None
        data.changes = changes if type_ in WITH_CHANGES else None
        drafts.append(Draft(type_, _encode(data), data.historical, headers if carries else None))
    data.transition = data.changes = None
    return tuple(drafts)


def _check_size(drafts: tuple[Draft, ...]) -> None:
    for draft in drafts:
        if len(draft.data) > MAX_DATA_BYTES:
            raise TooLarge(
                f"The call's data would come to {len(draft.data)} bytes; {MAX_DATA_BYTES} are the "
                "most. Keep long texts elsewhere and send their address.",
                FieldError("body.data", f"brings the call beyond {MAX_DATA_BYTES} bytes"),
            )


def _timers(known: Call, call: Call, context: FoldContext) -> tuple[TimerChange, ...]:
    timers: tuple[TimerChange, ...] = ()
    if call.settle_ms != known.settle_ms:
        timers = (TimerChange(TimerKind.SETTLE, call.data.call_id, call.settle_ms),)
    if context.later_first and not call.test:
        now_ms = to_ms(context.now)
        timers += tuple(
            TimerChange(TimerKind.RECHECK_REPEAT, key, now_ms) for key in context.later_first
        )
    return timers
