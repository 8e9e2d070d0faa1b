"""From a posted event to a request: who gets it, with what headers, and how much of it."""

from typing import Any

import msgspec
import pytest

from conftest import ALICE_TEST, Served, call_event
from offhook.delivery.entries import Request
from offhook.testing.engine import Bench
from offhook.testing.network import ScriptedNetwork

NUMBER = "+12145550123"


@pytest.fixture
def bench(api: Served) -> Bench:
    return Bench(api.store, api.clock, ScriptedNetwork())


def urls(bench: Bench) -> list[str]:
    return sorted(request.url.rsplit("/", 1)[1] for request in bench.network.requests)


def sent(bench: Bench, name: str) -> Request:
    [request] = [it for it in bench.network.requests if it.url.endswith(f"/{name}")]
    return request


async def endpoint(api: Served, name: str, **fields: Any) -> dict[str, Any]:
    return await api.webhook(url=f"https://example.com/{name}", events=["call.*"], **fields)


async def test_what_a_test_key_posts_reaches_only_who_asks_for_tests(
    api: Served, bench: Bench
) -> None:
    await endpoint(api, "live")
    await endpoint(api, "tests", test=True)
    await api.event(key=ALICE_TEST)
    await bench.settle()
    assert urls(bench) == ["tests"]
    await api.event()
    await bench.settle()
    assert urls(bench) == ["live", "tests", "tests"]


async def test_a_calls_contact_lists_decide(api: Served, bench: Bench) -> None:
    await endpoint(api, "vip", contact_list_ids=["list_7", "list_8"])
    await endpoint(api, "all")
    for lists in (["list_1"], ["list_1", "list_8"], None):
        await api.event(**call_event(contact_list_ids=lists))
    await bench.settle()
    assert urls(bench) == ["all", "all", "all", "vip"]


async def test_a_posted_events_headers_arrive_but_for_what_the_owner_set(
    api: Served, bench: Bench
) -> None:
    await endpoint(api, "crm", headers={"X-Env": "prod", "X-Tenant": "own"})
    await api.event(headers={"x-tenant": "roofing", "X-Trade": "roofing"})
    await bench.settle()
    headers = sent(bench, "crm").headers
    assert (headers["X-Env"], headers["X-Tenant"]) == ("prod", "own")
    assert headers["X-Trade"] == "roofing"
    assert "x-tenant" not in headers


async def test_a_filter_sees_money_as_a_number_and_its_faults_are_shown(
    api: Served, bench: Bench
) -> None:
    made = await endpoint(api, "sales", filter="data.revenue >= 40")
    assert "null and int" in made["warnings"][0]
    for revenue in ("45.00", "39.99", None):
        await api.event(**call_event("call.ended", revenue=revenue))
    await bench.settle()
    await bench.dispatcher.stop()
    told = msgspec.json.decode(sent(bench, "sales").body)
    assert (told["type"], told["data"]["revenue"]) == ("call.ended", "45.00")
    shown = (await api.get(f"/v1/webhooks/{made['id']}")).json()
    assert shown["filter_errors"] >= 1
    assert shown["last_filter_error"]["message"] == ">= does not work on null and int"
    assert shown["last_filter_error"]["event_id"].startswith("evt_")


async def test_a_masked_endpoint_gets_the_call_without_its_caller(
    api: Served, bench: Bench
) -> None:
    await endpoint(api, "masked", mask_caller_id=True)
    await api.event(
        **call_event(
            caller_id=NUMBER,
            caller_name="Ada Jones",
            dialed_number="+14045550100",
            notes="(214) 555-0123 is Ada's",
            tags=["ring 214.555.0123 back"],
            attributes={"mobile": "2145550123"},
        ),
        headers={"X-Caller": NUMBER},
    )
    await bench.settle()
    request = sent(bench, "masked")
    data = msgspec.json.decode(request.body)["data"]
    assert data["caller_id"] == data["contact_number"] == "+1********23"
    assert data["tags"] == ["ring +1********23 back"]
    assert (data["dialed_number"], data["attributes"]) == ("+14045550100", {})
    assert len(data["contact_hash"]) == 64
    assert (data["caller_name"], data["notes"]) == (None, None)
    told = request.body.decode() + repr(request.headers)
    assert "5550123" not in told
    assert "555-0123" not in told


async def test_a_test_of_a_masked_endpoint_is_masked_with_the_same_hash(
    api: Served, bench: Bench
) -> None:
    made = await endpoint(api, "masked", mask_caller_id=True)
    await api.event(**call_event(caller_id=NUMBER))
    await bench.settle()
    hashed = msgspec.json.decode(sent(bench, "masked").body)["data"]["contact_hash"]
    await api.post(f"/v1/webhooks/{made['id']}/test", {"type": "call.missed"})
    [tried] = api.network.requests
    data = msgspec.json.decode(tried.body)["data"]
    assert (data["caller_id"], data["contact_hash"]) == ("+1********23", hashed)
