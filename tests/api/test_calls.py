"""Calls: listed newest first, found by their filters, and told with all that happened."""

from typing import Any

import pytest

from conftest import Served, call_event


async def make_calls(api: Served, count: int) -> list[str]:
    """Calls that start a minute apart, oldest first."""
    made = []
    for minute in range(count):
        told = await api.event(
            **call_event(
                external_id=f"M{minute}",
                started_at=f"2026-11-20T09:{minute:02d}:00Z",
                campaign_id="cmp_odd" if minute % 2 else "cmp_even",
                caller_id=f"+1214555{minute:04d}",
                dialed_number="+14045550100",
            )
        )
        made.append(told["key"])
    return made


async def list_calls(api: Served, query: str = "") -> list[str]:
    answer = await api.get(f"/v1/calls?{query}")
    assert answer.status_code == 200, answer.text
    return [call["id"] for call in answer.json()["data"]]


async def test_calls_are_listed_newest_start_first_page_by_page(api: Served) -> None:
    made = await make_calls(api, 5)
    assert await list_calls(api) == made[::-1]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.get(f"/v1/calls?limit=2{cursor}")).json()
        seen += [call["id"] for call in page["data"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


async def test_calls_are_found_by_their_filters(api: Served) -> None:
    made = await make_calls(api, 4)
    await api.event(**call_event("call.ended", external_id="M3"))
    assert await list_calls(api, "status=ended") == [made[3]]
    assert await list_calls(api, "campaign_id=cmp_odd") == [made[3], made[1]]
    assert await list_calls(api, "caller_id=%2B12145550002") == [made[2]]
    assert await list_calls(api, "caller_id=+12145550002") == [made[2]]
    assert await list_calls(api, "buyer_id=nobody") == []
    window = "since=2026-11-20T09:01:00Z&until=2026-11-20T09:03:00Z"
    assert await list_calls(api, window) == [made[2], made[1]]


async def test_a_search_is_the_list_with_its_filters_in_the_body(api: Served) -> None:
    made = await make_calls(api, 3)
    answer = await api.post("/v1/calls/search", {"caller_id": "+12145550001", "limit": 5})
    assert [call["id"] for call in answer.json()["data"]] == [made[1]]
    refused = await api.post("/v1/calls/search", {"caller": "+12145550001"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["path"] == "body.caller"


async def test_a_call_is_the_data_of_its_events_with_its_id(api: Served) -> None:
    told = await api.event(**call_event(external_id="CA1", tags=["vip"], payout="12.50"))
    call: dict[str, Any] = (await api.get(f"/v1/calls/{told['key']}")).json()
    data = (await api.get(f"/v1/events/{told['id']}")).json()["data"]
    assert call["id"] == call["call_id"] == told["key"]
    assert call["test"] is False
    same = call.keys() - {"id", "test", "transition", "changes", "occurred_at"}
    assert same > {"tags", "payout", "legs", "location"}
    assert {field: call[field] for field in same} == {field: data[field] for field in same}


async def test_a_timeline_is_all_that_was_said_of_one_call_in_order(api: Served) -> None:
    told = await api.event(**call_event(external_id="CA1"))
    await api.event()
    for type_ in ("call.ringing", "call.answered", "call.ended"):
        await api.event(**call_event(type_, external_id="CA1"))
    path = f"/v1/calls/{told['key']}/events"
    whole = (await api.get(path)).json()
    types = [event["type"] for event in whole["data"]]
    assert types[:3] == ["call.started", "call.ringing", "call.answered"]
    assert types[-1] == "call.ended"
    assert whole["next_cursor"] is None
    first = (await api.get(f"{path}?limit=2")).json()
    rest = (await api.get(f"{path}?cursor={first['next_cursor']}")).json()
    assert first["data"] + rest["data"] == whole["data"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=over", "query.status"),
        ("outcome=x", "query.outcome"),
        ("include=all", "query.include"),
    ],
)
async def test_a_filter_that_no_call_can_match_is_refused(
    api: Served, query: str, field: str
) -> None:
    answer = await api.get(f"/v1/calls?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == field
