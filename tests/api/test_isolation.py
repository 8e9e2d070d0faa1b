"""Another account's object is not there: over every path, a key sees and touches its own alone."""

import pytest

from conftest import ALICE, BOB, Served, call_event
from offhook.model.ids import WebhookId, delivery_id


async def objects(api: Served) -> dict[str, str]:
    """One object of each kind, all of them Alice's."""
    webhook = (await api.webhook())["id"]
    event = await api.event(**call_event(external_id="CA1"))
    replay = (await api.post(f"/v1/webhooks/{webhook}/replay", {})).json()["id"]
    return {
        "webhook_id": webhook,
        "replay_id": replay,
        "event_id": event["id"],
        "call_id": event["key"],
        "delivery_id": delivery_id(WebhookId(webhook), 0, 1),
    }


def keyed_routes(document: dict[str, dict[str, object]]) -> list[tuple[str, str]]:
    """All that name an object by its id; an external id is each account's own name of one."""
    return [
        (method.upper(), path)
        for path, operations in document["paths"].items()
        if "_id}" in path and "{external_id}" not in path and isinstance(operations, dict)
        for method in operations
    ]


async def test_every_path_of_anothers_object_is_not_found_and_changes_nothing(api: Served) -> None:
    own = await objects(api)
    before = await api.everything()
    document = (await api.get("/openapi.json")).json()
    routes = keyed_routes(document)
    assert len(routes) >= 11
    for method, template in routes:
        for path in {template, template.replace("/v1/webhooks", "/api/v1/webhooks")}:
            body = {"description": "mine now"} if method == "PATCH" else None
            answer = await api.send(method, path.format(**own), json=body, key=BOB)
            assert answer.status_code == 404, (method, path, answer.text)
    assert await api.everything() == before


async def test_the_owner_finds_each_of_them(api: Served) -> None:
    own = await objects(api)
    document = (await api.get("/openapi.json")).json()
    for method, template in keyed_routes(document):
        if method == "GET":
            answer = await api.get(template.format(**own), key=ALICE)
            assert answer.status_code == 200, (template, answer.text)


async def test_lists_hold_nothing_of_another_account(api: Served) -> None:
    own = await objects(api)
    kinds = ("events", "calls", "webhooks", "deliveries", "replays")
    for path in (*(f"/v1/{kind}" for kind in kinds), "/api/v1/webhooks"):
        assert (await api.get(path, key=BOB)).json()["data"] == []
    for query in (f"webhook_id={own['webhook_id']}", f"event_id={own['event_id']}"):
        assert (await api.get(f"/v1/deliveries?{query}", key=BOB)).json()["data"] == []
    assert (await api.get(f"/v1/events?key={own['call_id']}", key=BOB)).json()["data"] == []


async def test_the_same_ids_and_calls_are_free_for_another_account(api: Served) -> None:
    note = {"type": "custom.note", "id": "n1", "data": {"of": "alice"}}
    assert (await api.post("/v1/events", note, key=ALICE)).status_code == 202
    other = {**note, "data": {"of": "bob"}}
    assert (await api.post("/v1/events", other, key=BOB)).status_code == 202
    assert (await api.get("/v1/events/n1", key=BOB)).json()["data"] == {"of": "bob"}
    event = call_event(external_id="CA1")
    mine = (await api.post("/v1/events", event, key=ALICE)).json()
    theirs = (await api.post("/v1/events", event, key=BOB)).json()
    assert mine["key"] != theirs["key"]
    named = {"type": "call.ended", "data": {"call_id": mine["key"]}}
    assert (await api.post("/v1/events", named, key=BOB)).status_code == 422


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/batch"])
async def test_nobody_posts_for_an_account_without_its_key(api: Served, path: str) -> None:
    assert (await api.post(path, call_event(), key=None)).status_code == 401
