"""The API describes itself: an OpenAPI 3.1 document, and a page that loads nothing from afar."""

import re
from typing import Any

import jsonschema
import pytest

from conftest import Served
from offhook.model.catalogue import CATALOGUE


@pytest.fixture
async def document(api: Served) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/openapi.json", key=None)).json()
    return found


def refs(value: object) -> set[str]:
    match value:
        case {"$ref": str(target), **rest}:
            return {target} | refs(rest)
        case dict():
            return set().union(*(refs(item) for item in value.values()), set())
        case list():
            return set().union(*(refs(item) for item in value), set())
        case _:
            return set()


async def test_the_document_holds_what_it_refers_to(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for target in refs(document):
        found: Any = document
        for step in target.removeprefix("#/").split("/"):
            found = found[step]


async def test_every_operation_has_a_name_of_its_own_and_a_refusal(
    document: dict[str, Any],
) -> None:
    operations = [
        (path, operation)
        for path, methods in document["paths"].items()
        for operation in methods.values()
    ]
    names = [operation["operationId"] for _, operation in operations]
    assert len(names) == len(set(names))
    assert {"post_event", "post_event_batch", "list_events", "create_webhook"} < set(names)
    for path, operation in operations:
        assert operation["description"], operation["operationId"]
        assert operation["responses"]["default"]
        assert ("security" in operation) == path.startswith("/v1/")
        for status, response in operation["responses"].items():
            told = "RateLimit-Remaining" in response.get("headers", {})
            assert told == (path.startswith("/v1/") and status != "default"), path


async def test_every_type_is_a_webhook_whose_example_fits_its_schema(
    document: dict[str, Any],
) -> None:
    assert document["webhooks"].keys() == CATALOGUE.keys()
    for name, item in document["webhooks"].items():
        body = item["post"]["requestBody"]["content"]["application/json"]
        schema = {**body["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(body["example"])
        assert body["example"]["type"] == name


async def test_answers_fit_their_schemas(api: Served, document: dict[str, Any]) -> None:
    await api.webhook()
    told = await api.event()
    paths = {
        "/v1/events": "/v1/events",
        "/v1/events/{event_id}": f"/v1/events/{told['id']}",
        "/v1/calls": "/v1/calls",
        "/v1/calls/{call_id}": f"/v1/calls/{told['key']}",
        "/v1/webhooks": "/v1/webhooks",
        "/v1/event-types": "/v1/event-types",
        "/v1/events/{event_id}/deliveries": f"/v1/events/{told['id']}/deliveries",
    }
    for template, path in paths.items():
        operation = document["paths"][template]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": document["components"]}
        jsonschema.Draft202012Validator(whole).validate((await api.get(path)).json())


async def test_every_type_is_listed_with_a_schema_that_its_example_fits(api: Served) -> None:
    entries = (await api.get("/v1/event-types")).json()["data"]
    assert [entry["type"] for entry in entries] == [*CATALOGUE]
    for entry in entries:
        jsonschema.Draft202012Validator(entry["schema"]).validate(entry["example"])
    postable = {entry["type"] for entry in entries if entry["postable"]}
    assert "call.missed" in postable
    assert "webhook.failing" not in postable


async def test_the_example_of_a_call_can_be_posted(api: Served) -> None:
    entries = (await api.get("/v1/event-types")).json()["data"]
    (missed,) = [entry["example"] for entry in entries if entry["type"] == "call.missed"]
    said = {"source", "external_id", "caller_id", "dialed_number", "started_at", "missed_reason"}
    data = {field: missed["data"][field] for field in said}
    assert (await api.post("/v1/events", {"type": "call.missed", "data": data})).status_code == 202


async def test_the_reference_page_loads_nothing_from_elsewhere(api: Served) -> None:
    answer = await api.get("/docs", key=None)
    assert answer.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", answer.text)
    assert (await api.get("/", key=None)).headers["location"] == "/docs"
