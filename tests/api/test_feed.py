"""The feed: forward, gapless, resumable, and filtered as asked."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Served, call_event


async def read_all(api: Served, query: str, limit: int) -> list[dict[str, Any]]:
    """Page after page from the beginning, until one comes back empty."""
    events: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await api.get(f"/v1/events?limit={limit}{query}{cursor}")).json()
        events += page["data"]
        cursor = f"&cursor={page['next_cursor']}"
        if not page["data"]:
            return events


async def test_a_reader_that_goes_on_from_its_cursor_misses_nothing(api: Served) -> None:
    empty = (await api.get("/v1/events")).json()
    assert empty["data"] == []
    first = await api.event()
    page = (await api.get(f"/v1/events?cursor={empty['next_cursor']}")).json()
    assert [event["id"] for event in page["data"]] == [first["id"]]
    nothing = (await api.get(f"/v1/events?cursor={page['next_cursor']}")).json()
    assert nothing["data"] == []
    second = await api.event()
    later = (await api.get(f"/v1/events?cursor={nothing['next_cursor']}")).json()
    assert [event["id"] for event in later["data"]] == [second["id"]]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 30), query=st.sampled_from(["", "&type=custom.odd", "&type=call.*"]))
async def test_pages_of_any_size_hold_the_same_events(api: Served, limit: int, query: str) -> None:
    if not (await api.get("/v1/events")).json()["data"]:
        items = [{"type": f"custom.{'odd' if n % 2 else 'even'}", "data": {}} for n in range(20)]
        await api.post("/v1/events/batch", {"items": [*items, call_event()]})
    paged = await read_all(api, query, limit)
    assert paged == await read_all(api, query, 200)
    assert len(paged) == {"": 21, "&type=custom.odd": 10, "&type=call.*": 1}[query]


async def test_filters_are_types_aliases_and_prefixes_by_comma_or_repeated(api: Served) -> None:
    for type_ in ("call.started", "custom.a", "custom.b", "message.sent"):
        await api.event(type=type_, data=call_event()["data"] if "call" in type_ else {})

    async def types(query: str) -> list[str]:
        page = (await api.get(f"/v1/events?{query}")).json()
        return [event["type"] for event in page["data"]]

    assert await types("type=call.initiated") == ["call.started"]
    assert await types("type=custom.*,Message%20Sent") == ["custom.a", "custom.b", "message.sent"]
    assert await types("type=custom.a&type=call.*") == ["call.started", "custom.a"]
    assert len(await types("type=*")) == 4


async def test_a_key_gives_the_events_of_one_call(api: Served) -> None:
    await api.event()
    told = await api.event(**call_event(external_id="CA1"))
    await api.event(**call_event("call.ended", external_id="CA1"))
    page = (await api.get(f"/v1/events?key={told['key']}")).json()
    assert {event["key"] for event in page["data"]} == {told["key"]}
    sequences = [event["sequence"] for event in page["data"]]
    assert sequences == list(range(1, len(sequences) + 1))


async def test_a_window_is_half_open(api: Served) -> None:
    first = await api.event()
    api.clock.advance(60)
    second = await api.event()
    created = (await api.get(f"/v1/events/{second['id']}")).json()["created"]
    since = (await api.get(f"/v1/events?since={created}")).json()["data"]
    until = (await api.get(f"/v1/events?until={created}")).json()["data"]
    assert [event["id"] for event in since] == [second["id"]]
    assert [event["id"] for event in until] == [first["id"]]


async def test_a_single_event_is_the_same_as_in_the_feed(api: Served) -> None:
    told = await api.event()
    (event,) = (await api.get("/v1/events")).json()["data"]
    assert (await api.get(f"/v1/events/{told['id']}")).json() == event


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "query.limit"),
        ("limit=201", "query.limit"),
        ("limit=ten", "query.limit"),
        ("cursor=nonsense", "query.cursor"),
        ("since=yesterday", "query.since"),
        ("until=2026-11-20", "query.until"),
        ("since=2026-11-20T10:00:00Z&until=2026-11-20T09:00:00Z", "query.until"),
        ("type=call.nonsense", "query.type"),
        ("types=call.*", "query.types"),
    ],
)
async def test_a_bad_query_is_refused_by_the_name_of_its_field(
    api: Served, query: str, field: str
) -> None:
    answer = await api.get(f"/v1/events?{query}")
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [field]
