"""Records as real systems send them, mapped whole."""

import json
from pathlib import Path

import pytest

from offhook.mapping.compiler import Mapped, compile_mapping

CALLRAIL = Path(__file__).parents[3] / "shared/data/callrail_post_call_signed_body.json"

NECTAR_MAPPING: dict[str, object] = {
    "source": {"value": "nectar"},
    "external_id": "id",
    "direction": {"path": "type", "lookup": {"inbound": "inbound", "outbound": "outbound"}},
    "started_at": "startedDate",
    "ended_at": "endedDate",
    "duration_s": "duration",
    "talk_s": "talkTime",
    "wait_s": "waitingTime",
    "tags": "tags",
    "recording_urls": "call_recordings",
    "dialed_number": {"first": [{"path": "number.number"}, {"path": "number.numberWithAlias"}]},
    "target_number": "external_numbers[0].number",
    "caller_id": "contact.phone",
    "caller_name": {"concat": ["contact.firstName", "contact.lastName"], "separator": " "},
    "campaign_id": "campaign",
    "queue": "ringGroup.name",
    "agent_id": "agents[0].id",
    "disposition.code": "disposition.code",
    "disposition.note": "disposition.note",
    "attributes.abandoned": {"path": "abandoned", "as": "boolean"},
    "attributes.customer_type": "contact.additionalFields.customerType",
    "attributes.agents": {"path": "agents[*].name", "join": ", "},
}
NECTAR_FULL = {
    "id": 123, "type": "inbound", "startedDate": "2026-01-13T10:15:30+02:00",
    "endedDate": "2026-01-13T10:17:05+02:00", "duration": 95, "talkTime": 80, "waitingTime": 12,
    "tags": ["vip", "refund"], "call_recordings": ["example.com/recording/555"],
    "number": {"number": "+12025550100", "numberWithAlias": "+12025550100 (Support)"},
    "campaign": "Winter Promo", "abandoned": 0, "ringGroup": {"id": 7, "name": "Support"},
    "external_numbers": [{"number": "+12025550999 (Sales ext)", "is_any_transfer": False}],
    "disposition": {"id": 3, "code": "SALE", "note": "Converted"},
    "contact": {"firstName": "John", "lastName": "Doe", "phone": "+12025550123",
                "additionalFields": {"customerType": "premium"}},
    "agents": [{"id": 5, "name": "Agent A"}, {"id": 8, "name": "Agent B"}],
}  # fmt: skip
NECTAR_SPARSE = {
    "id": 124, "type": "outbound", "startedDate": "2026-01-13T10:15:30+02:00", "endedDate": "",
    "duration": 0, "tags": [], "call_recordings": [], "number": {}, "campaign": "",
    "external_numbers": [], "transfer_details": {}, "abandoned": 0, "sub_type": "Not Answered",
}  # fmt: skip


def test_nectar_desk_full():
    assert compile_mapping(NECTAR_MAPPING).apply(NECTAR_FULL) == Mapped(
        {
            "source": "nectar",
            "external_id": "123",
            "direction": "inbound",
            "started_at": "2026-01-13T08:15:30Z",
            "ended_at": "2026-01-13T08:17:05Z",
            "duration_s": 95.0,
            "talk_s": 80.0,
            "wait_s": 12.0,
            "tags": ["vip", "refund"],
            "recording_urls": ["example.com/recording/555"],
            "dialed_number": "+12025550100",
            "target_number": "+12025550999",
            "caller_id": "+12025550123",
            "caller_name": "John Doe",
            "campaign_id": "Winter Promo",
            "queue": "Support",
            "agent_id": "5",
            "disposition": {"code": "SALE", "note": "Converted"},
            "attributes": {
                "abandoned": False,
                "customer_type": "premium",
                "agents": "Agent A, Agent B",
            },
        }
    )


def test_nectar_desk_sparse_states_nothing_for_what_is_empty():
    assert compile_mapping(NECTAR_MAPPING).apply(NECTAR_SPARSE) == Mapped(
        {
            "source": "nectar",
            "external_id": "124",
            "direction": "outbound",
            "started_at": "2026-01-13T08:15:30Z",
            "duration_s": 0.0,
            "attributes": {"abandoned": False},
        }
    )


@pytest.mark.skipif(not CALLRAIL.exists(), reason="the signed CallRail body is not here")
def test_callrail_post_call():
    mapping = compile_mapping(
        {
            "source": {"value": "callrail"},
            "external_id": "id",
            "direction": "direction",
            "outcome": {
                "first": [
                    {"value": "answered", "when": {"path": "answered", "in": [True]}},
                    {"value": "voicemail", "when": {"path": "voicemail", "in": [True]}},
                    {"value": "missed"},
                ]
            },
            "voicemail.left": "voicemail",
            "caller_id": "customer_phone_number",
            "dialed_number": "tracking_phone_number",
            "started_at": "start_time",
            "duration_s": "duration",
            "recording_urls": "recording",
            "revenue": "value",
            "tags": "tags",
            "notes": "note",
            "visitor.utm_source": "utm_source",
            "location.city": "customer_city",
            "location.state": "customer_state",
            "attributes.prior_calls": {"path": "prior_calls", "as": "integer"},
        }
    )
    mapped = mapping.apply(json.loads(CALLRAIL.read_bytes()))
    assert mapped.errors == ()
    assert mapped.fields["visitor"] == {"utm_source": "google"}
    assert mapped.fields | {"visitor": None, "recording_urls": None} == {
        "source": "callrail",
        "external_id": "766970532",
        "direction": "inbound",
        "outcome": "voicemail",
        "voicemail": {"left": True},
        "caller_id": "+12148654559",
        "dialed_number": "+14045558514",
        "started_at": "2018-02-19T18:41:00.236000Z",
        "duration_s": 13.0,
        "recording_urls": None,
        "visitor": None,
        "location": {"city": "Rochester", "state": "PA"},
        "attributes": {"prior_calls": 16},
    }


@pytest.mark.parametrize("said", ["anonymous", "Restricted", "+266696687", "201", "sip:a@b.c"])
def test_a_party_that_is_no_number_passes_as_it_was_said(said: str):
    assert compile_mapping({"caller_id": "from"}).apply({"from": said}) == Mapped(
        {"caller_id": said}
    )


def test_dialpad_milliseconds_and_ringba_money():
    mapping = compile_mapping(
        {
            "started_at": {"path": "date_started", "as": "timestamp", "format": "epoch_ms"},
            "duration_s": {"path": "duration", "as": "duration", "unit": "ms"},
            "payout": {"path": "payoutAmount", "as": "currency", "default": "0"},
        }
    )
    record: dict[str, object] = {"date_started": 1755015176448, "duration": 61500.5}
    assert mapping.apply(record) == Mapped(
        {"started_at": "2025-08-12T16:12:56.448000Z", "duration_s": 61.5005, "payout": "0"}
    )
