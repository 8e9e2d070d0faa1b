"""A realistic example of every event type: for the catalogue, for tests of endpoints, for docs."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from offhook.model import catalogue
from offhook.model.call import (
    AnsweredBy,
    CallData,
    Direction,
    Disposition,
    Failure,
    Location,
    MissedReason,
    Outcome,
    Status,
    Transition,
    Visitor,
    Voicemail,
)
from offhook.model.catalogue import RESOURCE_KINDS

_START: Final = datetime(2026, 11, 20, 10, tzinfo=UTC)


def example_data(type_: str) -> dict[str, Any]:
    """``data`` of an example event of this canonical type, as decoded JSON."""
    if type_.startswith("call."):
        return _as_json(_call_example(type_))
    known = _OTHERS.get(type_)
    if known is not None:
        return dict(known)
    group, _, what = type_.partition(".")
    if group in RESOURCE_KINDS:
        return _resource_example(group, what)
    return {"note": f"The data of {type_} is yours to define."}


def _as_json(data: CallData) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(data))
    return decoded


def _after(seconds: float) -> datetime:
    return _START + timedelta(seconds=seconds)


_INBOUND: Final = {
    "direction": Direction.INBOUND,
    "caller_id": "+12145550123",
    "contact_number": "+12145550123",
    "dialed_number": "+14045550100",
    "our_number": "+14045550100",
    "repeat_caller": False,
}
_OUTBOUND: Final = {
    "direction": Direction.OUTBOUND,
    "caller_id": "+14045550100",
    "our_number": "+14045550100",
    "dialed_number": "+12145550123",
    "contact_number": "+12145550123",
    "repeat_caller": True,
}
_ENDED: Final = {"status": Status.ENDED, "hangup_by": "caller"}
_UNANSWERED: Final = {**_ENDED, "ended_at": _after(24), "duration_s": 24.0}
_TALKED: Final = {
    **_ENDED,
    "outcome": Outcome.ANSWERED,
    "answered_at": _after(6),
    "ended_at": _after(192),
    "ring_s": 6.0,
    "talk_s": 186.0,
    "billable_s": 186.0,
    "duration_s": 192.0,
    "agent_id": "agent_17",
}
_SOLD: Final = {
    **_TALKED,
    "disposition": Disposition("SALE", "Booked for Friday"),
    "revenue": "45.00",
    "payout": "30.00",
    "currency": "USD",
    "converted": True,
    "qualified": True,
}
_PICKED_UP: Final = {
    "status": Status.ANSWERED,
    "outcome": Outcome.ANSWERED,
    "answered_at": _after(6),
    "ring_s": 6.0,
    "answered_by": AnsweredBy.HUMAN,
}
_CALLS: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    catalogue.STARTED: (_INBOUND, {}),
    catalogue.RINGING: (_INBOUND, {"status": Status.RINGING}),
    catalogue.QUEUED: (_INBOUND, {"status": Status.QUEUED, "queue": "sales"}),
    catalogue.ANSWERED: (_INBOUND, {**_PICKED_UP, "agent_id": "agent_17"}),
    catalogue.CONNECTED: (_OUTBOUND, {**_PICKED_UP, "agent_connected_at": _after(7)}),
    catalogue.TRANSFERRED: (_INBOUND, {**_PICKED_UP, "agent_id": "agent_21"}),
    catalogue.ABANDONED: (
        _INBOUND,
        {
            **_UNANSWERED,
            "queue": "sales",
            "outcome": Outcome.ABANDONED,
            "missed_reason": MissedReason.ABANDONED_QUEUE,
        },
    ),
    catalogue.VOICEMAIL: (
        _INBOUND,
        {
            **_UNANSWERED,
            "outcome": Outcome.VOICEMAIL,
            "missed_reason": MissedReason.VOICEMAIL,
            "voicemail": Voicemail(True, "https://media.example.com/vm/1.mp3", 12.5),
        },
    ),
    catalogue.VOICEMAIL_DETECTED: (
        _OUTBOUND,
        {**_PICKED_UP, "outcome": Outcome.MACHINE, "answered_by": AnsweredBy.MACHINE},
    ),
    catalogue.FAILED: (
        _OUTBOUND,
        {**_UNANSWERED, "outcome": Outcome.BUSY, "failure": Failure.BUSY, "sip_code": 486},
    ),
    catalogue.MISSED: (
        _INBOUND,
        {
            **_UNANSWERED,
            "outcome": Outcome.MISSED,
            "missed_reason": MissedReason.NO_ANSWER,
        },
    ),
    catalogue.DISPOSITION_SET: (_INBOUND, _SOLD),
    catalogue.DISPOSITION_MODIFIED: (
        _INBOUND,
        {
            **_SOLD,
            "changes": {"disposition": (Disposition("CALLBACK"), _SOLD["disposition"])},
        },
    ),
    catalogue.RECORDING_RECEIVED: (
        _INBOUND,
        {**_TALKED, "recording_urls": ("https://media.example.com/rec/1.mp3",)},
    ),
    catalogue.ENDED: (_INBOUND, {**_SOLD, "sip_code": 200}),
    catalogue.UPDATED: (
        _INBOUND,
        {**_SOLD, "changes": {"payout": ("25.00", "30.00")}},
    ),
}
_STEPS: Final = {
    catalogue.STARTED: (None, 0),
    catalogue.RINGING: (Status.INITIATED, 1),
    catalogue.QUEUED: (Status.INITIATED, 2),
    catalogue.ANSWERED: (Status.RINGING, 6),
    catalogue.ABANDONED: (Status.QUEUED, 24),
    catalogue.FAILED: (Status.INITIATED, 24),
    catalogue.ENDED: (Status.ANSWERED, 192),
}


def _call_example(type_: str) -> CallData:
    party, facts = _CALLS[type_]
    data = CallData(
        "call_7GQ2M4ZB1X0V8K6T",
        external_id="CA5f1c2e",
        source="twilio",
        campaign_id="cmp_roofing",
        started_at=_START,
        location=Location("14604", "Rochester", "NY", "US", "America/New_York", "zip"),
        visitor=Visitor(
            session_id="ses_81",
            utm_source="google",
            utm_campaign="roofing-ny",
            gclid="EAIaIQobChMI",
            landing_page="https://example.com/roofing",
        ),
        attributes={"crm_lead": "L-4711"},
        **{**party, **facts},
    )
    before, at_s = _STEPS.get(type_, (data.status, 200))
    data.occurred_at = _after(at_s)
    data.transition = None if before is data.status else Transition(before, data.status)
    return data


_CONTACT = {
    "contact_id": "con_204",
    "phone": "+12145550123",
    "email": "ada@example.com",
    "name": "Ada Jones",
    "contact_list_ids": ["list_7"],
}
_LIST = {"contact_list_id": "list_7", "name": "Callbacks", "contact_count": 1}
_MESSAGE_IN = {
    "message_id": "msg_31",
    "direction": "inbound",
    "channel": "sms",
    "from": "+12145550123",
    "to": "+14045550100",
    "text": "Can you call me back after five?",
    "contact_id": "con_204",
}
_MESSAGE_OUT = {
    "message_id": "msg_32",
    "direction": "outbound",
    "channel": "sms",
    "from": "+14045550100",
    "to": "+12145550123",
    "text": "Sorry we missed you. We will call you back in five minutes.",
    "call_id": "call_7GQ2M4ZB1X0V8K6T",
}
_RECORD = {
    "record_id": "rec_55",
    "client_id": "cli_arroyo",
    "call_id": "call_7GQ2M4ZB1X0V8K6T",
}
_ENDPOINT = {
    "webhook_id": "wh_9",
    "url": "https://example.com/hook",
    "failing_since": "2026-11-20T10:00:00Z",
    "failures": 4,
}
_AUTOMATION = {
    "automation_id": "aut_3",
    "event_id": "evt_0198f3c2a7d17e6b9c41",
    "run_id": "run_12",
    "action": "send_sms",
}
_OTHERS: Final[dict[str, dict[str, Any]]] = {
    "contact.created": _CONTACT,
    "contact.modified": {**_CONTACT, "name": "Ada Jones-Smith"},
    "contact_list.created": _LIST,
    "contact_list.modified": {**_LIST, "contact_count": 12},
    "message.received": _MESSAGE_IN,
    "message.sent": _MESSAGE_OUT,
    "message.delivered": _MESSAGE_OUT,
    "message.failed": {**_MESSAGE_OUT, "failure": "unreachable"},
    "customer.qualified": {
        "customer_id": "customer_987654321",
        "score": 85,
        "qualification_type": "hot",
        "triggers": ["budget_match", "high_engagement"],
    },
    "service.matched": {
        "customer_id": "customer_987654321",
        "services": [{"service_id": "svc_roof", "name": "Roof repair", "score": 0.92}],
    },
    "analysis.completed": {
        "analysis_id": "ana_61",
        "customer_id": "customer_987654321",
        "analysis_type": "business",
        "result": {"summary": "Two branches share one number.", "confidence": 0.8},
    },
    "number.suppressed": {
        "number": "+14045550100",
        "reason": "answer rate 16 points under the campaign's",
        "until": "2026-11-27T10:00:00Z",
    },
    "buyer.cap_reached": {
        "buyer_id": "buy_8",
        "cap": "daily",
        "limit": 50,
        "resets_at": "2026-11-21T05:00:00Z",
    },
    "record.ingested": _RECORD,
    "record.duplicate": {**_RECORD, "duplicate_of": "call_1Z9QK3M7R5T2V8W4"},
    "record.rejected": {
        "record_id": "rec_56",
        "client_id": "cli_arroyo",
        "reason": "started_at: '31/02/2026' is no date",
    },
    "webhook.failing": _ENDPOINT,
    "webhook.recovered": _ENDPOINT,
    "webhook.disabled": {**_ENDPOINT, "reason": "no success for five days"},
    "delivery.exhausted": {
        "delivery_id": "dlv_d2hfOS4wLjQy",
        "webhook_id": "wh_9",
        "event_id": "evt_0198f3c2a7d17e6b9c41",
        "event_type": "call.ended",
        "attempts": 12,
        "last_status": 503,
    },
    "automation.fired": _AUTOMATION,
    "automation.failed": {**_AUTOMATION, "reason": "the number is on the do-not-text list"},
}


def _resource_example(kind: str, what: str) -> dict[str, Any]:
    resource = {"id": f"{kind}_204", "name": "Roofing NY", "revision": 3}
    if what != "modified":
        return {"object": resource}
    return {"object": resource, "previous": {"name": "Roofing", "revision": 2}}
