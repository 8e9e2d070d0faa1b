"""Webhooks: made, read, changed and deleted as api.md says, under both of their paths."""

import asyncio
import base64
from typing import Any

import pytest

from conftest import ALICE, BOB, READER, Served
from offhook.delivery.announcing import HealthNote
from offhook.delivery.document import WebhookDocument
from offhook.delivery.entries import StoredWebhook
from offhook.delivery.filter_faults import FilterFaults
from offhook.delivery.health import EndpointHealth
from offhook.model.event import VERSION, to_ms
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId, EventId, WebhookId

URL = "https://example.com/hook"
DEFAULTS = {
    "description": None,
    "external_id": None,
    "metadata": {},
    "contact_list_ids": [],
    "filter": None,
    "ordered": True,
    "max_hold_s": 3600,
    "include_historical": False,
    "test": False,
    "mask_caller_id": False,
    "keep_responses": False,
    "headers": {},
    "timeout_s": 15,
    "rate_limit_per_s": None,
    "max_in_flight": 16,
    "type_names": "canonical",
    "version": VERSION,
    "enabled": True,
}
CUSTOM: dict[str, Any] = {
    "description": "CRM",
    "external_id": "crm-1",
    "metadata": {"team": "sales"},
    "contact_list_ids": ["list_1"],
    "ordered": False,
    "include_historical": True,
    "test": True,
    "headers": {"X-Env": "prod", "Authorization": "Basic eA=="},
    "timeout_s": 2.5,
    "rate_limit_per_s": 0.2,
    "max_in_flight": 1000,
    "type_names": "as_subscribed",
    "enabled": False,
    "signing": {"scheme": "timestamped-hex", "prefix": "x-callcall"},
    "retry": {
        "profile": None,
        "delays_s": [1, 5, 60],
        "until_s": 3600,
        "statuses": [500, 503],
        "jitter": 0.1,
    },
}


@pytest.mark.parametrize("path", ["/v1/webhooks", "/api/v1/webhooks"])
async def test_a_webhook_is_made_with_its_defaults_and_a_secret(api: Served, path: str) -> None:
    answer = await api.post(path, {"url": URL, "events": ["call.*", "message.received"]})
    assert answer.status_code == 201
    made = answer.json()
    assert {field: made[field] for field in DEFAULTS} == DEFAULTS
    assert made["id"].startswith("wh_")
    assert (made["revision"], made["warnings"], made["disabled_reason"]) == (1, [], None)
    assert made["created_at"] == made["updated_at"] == "2026-11-20T10:00:00.000Z"
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    assert answer.headers["location"] == f"{path}/{made['id']}"
    assert answer.headers["etag"] == '"1"'


async def test_everything_that_can_be_said_of_a_webhook_comes_back(api: Served) -> None:
    secret = "a text of enough length"
    made = await api.webhook(**CUSTOM, secret=secret)
    assert {field: made[field] for field in CUSTOM} == CUSTOM
    assert made["secret"] == secret
    shown = (await api.get(f"/v1/webhooks/{made['id']}")).json()
    assert shown == {k: v for k, v in made.items() if k not in ("secret", "warnings")}


async def test_a_rate_limit_can_be_set_and_taken_away(api: Served) -> None:
    path = f"/v1/webhooks/{(await api.webhook())['id']}"
    for given in (250, 0.2, 10_000, None):
        changed = await api.send("PATCH", path, json={"rate_limit_per_s": given})
        assert changed.json()["rate_limit_per_s"] == given


async def test_a_filter_and_masking_are_taken_and_come_back(api: Served) -> None:
    text = "data.duration_s != null && data.duration_s > 90"
    made = await api.webhook(events=["call.*"], filter=text, mask_caller_id=True)
    assert (made["filter"], made["mask_caller_id"], made["warnings"]) == (text, True, [])
    assert (made["filter_errors"], made["last_filter_error"]) == (0, None)
    changed = await api.send("PATCH", f"/v1/webhooks/{made['id']}", json={"filter": None})
    assert changed.json()["filter"] is None


async def test_a_filter_that_does_not_compile_is_refused_with_its_place_and_the_remedy(
    api: Served,
) -> None:
    made = await api.webhook()
    filter_ = "test &&\n duration_s > 90"
    posted = await api.post("/v1/webhooks", {"url": URL, "events": ["*"], "filter": filter_})
    patched = await api.send("PATCH", f"/v1/webhooks/{made['id']}", json={"filter": filter_})
    for answer in (posted, patched):
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert error["path"] == "body.filter"
        assert error["message"] == (
            "at line 2, column 2: 'duration_s' is unknown; the fields of an event stand in data: "
            "data.duration_s"
        )


async def test_a_filter_that_cannot_be_true_or_fails_on_an_example_brings_warnings(
    api: Served,
) -> None:
    made = await api.webhook(
        events=["call.ended", "call.started"], filter="data.revenue == '45.00'"
    )
    [warning] = made["warnings"]
    assert "call.started, call.ended" in warning
    assert "can never be true" in warning
    path = f"/v1/webhooks/{made['id']}"
    changed = await api.send("PATCH", path, json={"filter": "data.disposition.code == 'SALE'"})
    [warning] = changed.json()["warnings"]
    assert "for call.started: events like the example do not match" in warning
    mended = {"filter": "data.disposition != null && data.disposition.code == 'SALE'"}
    assert (await api.send("PATCH", path, json=mended)).json()["warnings"] == []


async def test_a_webhook_tells_of_the_events_that_its_filter_failed_on(api: Served) -> None:
    made = await api.webhook(filter="data.x > 1")
    faults = FilterFaults(3, "> does not work on null and int", EventId("evt_9"), 1_700_000_000_123)
    await api.store.filters.note_filter_faults({WebhookId(made["id"]): faults})
    shown = (await api.get(f"/v1/webhooks/{made['id']}")).json()
    assert shown["filter_errors"] == 3
    assert shown["last_filter_error"] == {
        "message": "> does not work on null and int",
        "event_id": "evt_9",
        "at": "2023-11-14T22:13:20.123Z",
    }
    assert (await api.get("/v1/webhooks")).json()["data"][0]["filter_errors"] == 3


async def test_a_webhook_tells_how_its_endpoint_does(api: Served) -> None:
    made = await api.webhook()
    untried = {
        "status": "healthy",
        "consecutive_failures": 0,
        "failing_since": None,
        "last_success_at": None,
    }
    assert made["health"] == untried
    at_ms = to_ms(api.clock.now())
    seen = EndpointHealth(3, at_ms + 1000, at_ms + 2500, at_ms)
    await api.store.health.note_health(
        [HealthNote(WebhookId(made["id"]), DEFAULT_ACCOUNT, made["url"], 1, seen)]
    )
    failing = {
        "status": "failing",
        "consecutive_failures": 3,
        "failing_since": "2026-11-20T10:00:01.000Z",
        "last_success_at": "2026-11-20T10:00:00.000Z",
    }
    assert (await api.get(f"/v1/webhooks/{made['id']}")).json()["health"] == failing
    assert (await api.get("/v1/webhooks")).json()["data"][0]["health"] == failing
    changed = await api.send("PATCH", f"/v1/webhooks/{made['id']}", json={"description": "x"})
    assert changed.json()["health"] == failing


async def test_the_secret_is_shown_by_create_and_by_its_own_path_alone(api: Served) -> None:
    made = await api.webhook()
    path = f"/v1/webhooks/{made['id']}"
    shown = (await api.get(f"{path}/secret")).json()
    assert shown == {
        "secret": made["secret"],
        "secrets": [{"secret": made["secret"], "expires_at": None}],
    }
    changed = await api.send("PATCH", path, json={"description": "x"})
    for answer in (await api.get(path), await api.get("/v1/webhooks"), changed):
        assert made["secret"] not in answer.text
    assert (await api.get(path, key=READER)).status_code == 200
    assert (await api.get(f"{path}/secret", key=READER)).status_code == 403


async def test_lists_are_newest_first_and_paged(api: Served) -> None:
    made = []
    for _ in range(5):
        made.append((await api.webhook())["id"])
        api.clock.advance(1)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.get(f"/v1/webhooks?limit=2{cursor}")).json()
        seen += [webhook["id"] for webhook in page["data"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


async def test_a_patch_merges_and_is_checked_as_a_whole(api: Served) -> None:
    made = await api.webhook(timeout_s=20, headers={"X-A": "1", "X-B": "2"})
    path = f"/v1/webhooks/{made['id']}"
    api.clock.advance(5)
    patch = {"timeout_s": None, "headers": {"X-A": None, "X-C": "3"}, "description": "new"}
    answer = await api.send("PATCH", path, json=patch)
    assert answer.status_code == 200
    changed = answer.json()
    assert changed["timeout_s"] == 15
    assert changed["headers"] == {"X-B": "2", "X-C": "3"}
    assert (changed["description"], changed["revision"]) == ("new", 2)
    assert changed["created_at"] < changed["updated_at"] == "2026-11-20T10:00:05.000Z"
    before = (await api.get(path)).json()
    for bad in ({"url": None}, {"timeout_s": 61}, {"nonsense": 1}, {"secret": "x"}, {"id": "wh"}):
        refused = await api.send("PATCH", path, json=bad)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["path"] == f"body.{next(iter(bad))}"
    assert (await api.get(path)).json() == before


async def test_a_patch_of_another_revision_is_refused(api: Served) -> None:
    made = await api.webhook()
    path = f"/v1/webhooks/{made['id']}"
    for match, status in (('"1"', 200), ("2", 200), ("*", 200), ('W/"4"', 200), ('"1"', 412)):
        answer = await api.send(
            "PATCH", path, json={"description": match}, headers={"If-Match": match}
        )
        assert answer.status_code == status, match
    assert answer.json()["code"] == "precondition_failed"
    assert (await api.get(path)).json()["revision"] == 5


async def test_deleting_and_rotating_are_of_the_revision_that_was_read(api: Served) -> None:
    made = await api.webhook()
    path = f"/v1/webhooks/{made['id']}"
    await api.send("PATCH", path, json={"description": "somebody else's"})
    secret = (await api.get(f"{path}/secret")).json()
    for method, at in (("DELETE", path), ("POST", f"{path}/secret/rotate")):
        answer = await api.send(method, at, headers={"If-Match": '"1"'})
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
        assert answer.json()["errors"][0]["path"] == "header.if-match"
    assert (await api.get(f"{path}/secret")).json() == secret
    rotated = await api.send("POST", f"{path}/secret/rotate", headers={"If-Match": '"2"'})
    assert rotated.status_code == 200
    again = await api.send("POST", f"{path}/secret/rotate", headers={"If-Match": '"2"'})
    assert again.status_code == 412, "a rotation is a change like any other"
    assert (await api.send("DELETE", path, headers={"If-Match": "3"})).status_code == 204


async def test_a_rotation_raises_the_revision_and_the_time_of_the_last_change(api: Served) -> None:
    made = await api.webhook()
    path = f"/v1/webhooks/{made['id']}"
    api.clock.advance(60)
    await api.post(f"{path}/secret/rotate", {})
    shown = (await api.get(path)).json()
    assert (shown["revision"], shown["created_at"]) == (2, made["created_at"])
    assert shown["updated_at"] > made["updated_at"]


async def test_a_webhook_that_changes_meanwhile_is_not_deleted(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The revision is compared where it is deleted, not only where it was read."""
    made = await api.webhook()
    path = f"/v1/webhooks/{made['id']}"
    read, webhooks = api.store.webhooks.webhook, api.store.webhooks

    async def read_before_a_change(account: AccountId, webhook: WebhookId) -> StoredWebhook | None:
        stored = await read(account, webhook)
        monkeypatch.setattr(webhooks, "webhook", read)
        await api.send("PATCH", path, json={"description": "came between"})
        return stored

    monkeypatch.setattr(webhooks, "webhook", read_before_a_change)
    answer = await api.send("DELETE", path, headers={"If-Match": "1"})
    assert answer.status_code == 412
    assert (await api.get(path)).json()["description"] == "came between"


async def test_another_scheme_needs_a_secret_that_fits_it(api: Served) -> None:
    made = await api.webhook(signing={"scheme": "timestamped-hex"}, secret="no base64, but long")
    path = f"/v1/webhooks/{made['id']}"
    answer = await api.send("PATCH", path, json={"signing": {"scheme": "standard"}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"].startswith("body.signing")
    assert "no base64, but long" not in answer.text


async def test_another_scheme_drops_what_was_of_the_one_before(api: Served) -> None:
    made = await api.webhook(signing={"scheme": "timestamped-hex", "prefix": "x-callcall"})
    path = f"/v1/webhooks/{made['id']}"
    for change, signing in (
        ({"scheme": "timestamped-hex"}, {"scheme": "timestamped-hex", "prefix": "x-callcall"}),
        ({"scheme": "none"}, {"scheme": "none", "prefix": None}),
        ({"scheme": "timestamped-hex"}, {"scheme": "timestamped-hex", "prefix": "x-offhook"}),
        ({"prefix": "x-b"}, {"scheme": "timestamped-hex", "prefix": "x-b"}),
        ({"scheme": None}, {"scheme": "standard", "prefix": None}),
    ):
        answer = await api.send("PATCH", path, json={"signing": change})
        assert (answer.status_code, answer.json()["signing"]) == (200, signing)
    refused = await api.send("PATCH", path, json={"signing": {"prefix": "x-b"}})
    assert refused.json()["errors"][0]["path"] == "body.signing.prefix"


async def test_other_retries_drop_what_was_of_those_before(api: Served) -> None:
    made = await api.webhook(retry={"delays_s": [1, 2], "until_s": 60, "statuses": [500]})
    path = f"/v1/webhooks/{made['id']}"
    listed = {"profile": None, "until_s": None, "statuses": None, "jitter": None}
    for change, retry in (
        ({"profile": "brief"}, {**listed, "profile": "brief", "delays_s": None}),
        ({"profile": "24h"}, {**listed, "profile": "24h", "delays_s": None}),
        ({"delays_s": [3]}, {**listed, "delays_s": [3]}),
        ({"jitter": 0.1}, {**listed, "delays_s": [3], "jitter": 0.1}),
    ):
        answer = await api.send("PATCH", path, json={"retry": change})
        assert (answer.status_code, answer.json()["retry"]) == (200, retry), answer.text


async def test_a_value_that_was_not_shown_is_not_taken_for_one(api: Served) -> None:
    made = await api.webhook(headers={"Authorization": "Bearer credential", "X-Env": "prod"})
    path = f"/v1/webhooks/{made['id']}"
    seen = (await api.get(path, key=READER)).json()["headers"]
    changes = {"headers": {**seen, "X-Env": "test"}}
    for answer in (
        await api.send("PATCH", path, json=changes),
        await api.post("/v1/webhooks", {"url": URL, "events": ["*"], **changes}),
    ):
        assert answer.status_code == 422
        assert [it["path"] for it in answer.json()["errors"]] == ["body.headers.Authorization"]
    kept = (await api.get(path)).json()["headers"]
    assert kept == {"Authorization": "Bearer credential", "X-Env": "prod"}


async def test_a_webhook_is_made_or_replaced_by_its_external_id(either_api: Served) -> None:
    api = either_api
    await api.webhook(external_id="other")
    await api.webhook(external_id="crm/1", key=BOB)
    path, document = "/v1/webhooks/by-external-id/crm%2F1", {"url": URL, "events": ["call.*"]}
    answer = await api.send("PUT", path, json={**document, "description": "first"})
    made = answer.json()
    assert (answer.status_code, made["external_id"], made["revision"]) == (201, "crm/1", 1)
    assert answer.headers["location"] == f"/v1/webhooks/{made['id']}"
    again = await api.send("PUT", path, json={**document, "external_id": "crm/1"})
    assert (again.status_code, again.json()["id"]) == (200, made["id"])
    assert (again.json()["description"], again.json()["revision"]) == (None, 2)
    assert "secret" not in again.json()
    secret = (await api.get(f"/v1/webhooks/{made['id']}/secret")).json()["secret"]
    assert secret == made["secret"]
    same = await api.send("PUT", path, json={**document, "secret": secret})
    assert (same.status_code, same.headers["etag"]) == (200, '"3"')
    listed = (await api.get("/v1/webhooks?external_id=crm%2F1")).json()
    assert [it["id"] for it in listed["data"]] == [made["id"]]
    assert (await api.get("/v1/webhooks?external_id=none")).json()["data"] == []


async def test_an_upsert_that_contradicts_itself_is_refused(api: Served) -> None:
    path, document = "/v1/webhooks/by-external-id/crm", {"url": URL, "events": ["*"]}
    absent = await api.send("PUT", path, json=document, headers={"If-Match": "1"})
    assert absent.status_code == 412
    assert (await api.send("PUT", path, json=document)).status_code == 201
    for changed, field in (
        ({"external_id": "other"}, "body.external_id"),
        ({"secret": "whsec_" + "A" * 44}, "body.secret"),
        ({"headers": {"X-Key": "***"}}, "body.headers.X-Key"),
        ({"url": "https://inside.example/"}, "body.url"),
        ({"nonsense": 1}, "body.nonsense"),
    ):
        answer = await api.send("PUT", path, json={**document, **changed})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, field)
    stale = await api.send("PUT", path, json=document, headers={"If-Match": "7"})
    assert stale.status_code == 412
    long = await api.send("PUT", path + "x" * 256, json=document)
    assert long.json()["errors"][0]["path"] == "path.external_id"
    [kept] = (await api.get("/v1/webhooks")).json()["data"]
    assert kept["revision"] == 1


async def test_two_upserts_at_once_make_one_webhook(either_api: Served) -> None:
    path, document = "/v1/webhooks/by-external-id/crm", {"url": URL, "events": ["*"]}
    answers = await asyncio.gather(*(either_api.send("PUT", path, json=document) for _ in range(4)))
    assert sorted(it.status_code for it in answers) == [200, 200, 200, 201]
    assert len((await either_api.get("/v1/webhooks")).json()["data"]) == 1


async def test_a_deleted_webhook_is_gone(api: Served) -> None:
    made = await api.webhook()
    path = f"/v1/webhooks/{made['id']}"
    answer = await api.send("DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await api.get(path)).status_code == 404
    assert (await api.send("DELETE", path)).status_code == 404
    assert (await api.get("/v1/webhooks")).json()["data"] == []


async def test_an_external_id_is_taken_once_in_an_account(api: Served) -> None:
    first = await api.webhook(external_id="crm")
    other = await api.webhook(external_id="erp")
    again = {"url": URL, "events": ["*"], "external_id": "crm"}
    refused = await api.post("/v1/webhooks", again)
    changed = await api.send("PATCH", f"/v1/webhooks/{other['id']}", json={"external_id": "crm"})
    for answer in (refused, changed):
        assert answer.status_code == 409
        assert answer.json()["errors"][0]["path"] == "body.external_id"
    assert (await api.post("/v1/webhooks", again, key=BOB)).status_code == 201
    await api.send("DELETE", f"/v1/webhooks/{first['id']}")
    assert (await api.post("/v1/webhooks", again)).status_code == 201


async def test_a_name_that_does_not_resolve_is_accepted_with_a_warning(api: Served) -> None:
    made = await api.webhook(url="https://not-yet.example/hook")
    assert "not-yet.example" in made["warnings"][0]


@pytest.mark.parametrize(
    ("fields", "path", "told"),
    [
        ({"url": "https://127.0.0.1/h"}, "body.url", "OFFHOOK_ALLOW_TARGETS"),
        ({"url": "https://[::1]/h"}, "body.url", "OFFHOOK_ALLOW_TARGETS"),
        ({"url": "https://2130706433/h"}, "body.url", "OFFHOOK_ALLOW_TARGETS"),
        ({"url": "https://inside.example/h"}, "body.url", "10.1.2.3"),
        ({"url": "http://example.com/h"}, "body.url", "OFFHOOK_ALLOW_HTTP"),
        ({"url": "nonsense"}, "body.url", "https://example.com/hook"),
        ({"url": "https://a:b@example.com/"}, "body.url", "credentials"),
        ({"url": 7}, "body.url", "string"),
        ({"events": []}, "body.events", "at least 1"),
        ({"events": ["call.answered", "call.nonsense"]}, "body.events.1", "unknown"),
        ({"events": ["*.missed"]}, "body.events.0", "unknown"),
        ({"timeout_s": 0}, "body.timeout_s", "0.1"),
        ({"timeout_s": 61}, "body.timeout_s", "60"),
        ({"timeout_s": "15"}, "body.timeout_s", "number"),
        ({"max_in_flight": 0}, "body.max_in_flight", "1"),
        ({"max_in_flight": 1001}, "body.max_in_flight", "1000"),
        ({"headers": {"X-A": "a\r\nb: c"}}, "body.headers.X-A", "line breaks"),
        ({"headers": {"Host": "x"}}, "body.headers.Host", "set by Offhook"),
        ({"headers": {"Webhook-Signature": "x"}}, "body.headers.Webhook-Signature", "set by"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "body.headers.X-A", "given twice"),
        ({"metadata": {str(n): "" for n in range(51)}}, "body.metadata", "50"),
        ({"retry": {"profile": "weekly"}}, "body.retry.profile", "'24h', 'brief'"),
        ({"retry": {"profile": "24h", "delays_s": [1]}}, "body.retry", "either"),
        ({"retry": {"delays_s": []}}, "body.retry.delays_s", "at least 1"),
        ({"retry": {"profile": "brief", "jitter": 0.2}}, "body.retry", "belong to delays_s"),
        ({"retry": {"delays_s": [1], "jitter": 0.6}}, "body.retry.jitter", "0.5"),
        ({"signing": {"scheme": "hmac-md5"}}, "body.signing.scheme", "'standard'"),
        ({"signing": {"prefix": "x-mine"}}, "body.signing.prefix", "timestamped-hex"),
        ({"rate_limit_per_s": 0}, "body.rate_limit_per_s", "greater than 0"),
        ({"rate_limit_per_s": 10_001}, "body.rate_limit_per_s", "10000"),
        ({"rate_limit_per_s": "fast"}, "body.rate_limit_per_s", "number"),
        ({"max_hold_s": -1}, "body.max_hold_s", "greater than or equal to 0"),
        ({"version": "2020-01-01"}, "body.version", VERSION),
        ({"secret": "whsec_dG9vIHNob3J0"}, "body.secret", "24 to 64"),
        ({"colour": "red"}, "body.colour", "check its spelling"),
        ({"enabled": "yes"}, "body.enabled", "boolean"),
    ],
)
async def test_what_a_webhook_cannot_be_is_refused_by_field_and_nothing_is_made(
    api: Served, fields: dict[str, Any], path: str, told: str
) -> None:
    answer = await api.post("/v1/webhooks", {"url": URL, "events": ["*"], **fields})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["errors"][0]["path"] == path
    assert told in problem["errors"][0]["message"] + problem["detail"]
    assert (await api.get("/v1/webhooks")).json()["data"] == []


async def test_a_refused_secret_is_not_repeated(api: Served) -> None:
    answer = await api.post("/v1/webhooks", {"url": URL, "events": ["*"], "secret": "hunter2" * 90})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


def test_a_stored_document_reads_back_as_it_was() -> None:
    document = WebhookDocument.model_validate({"url": URL, "events": ["Call Missed"], **CUSTOM})
    assert WebhookDocument.model_validate_json(document.model_dump_json()) == document
    assert document.patterns() == ("call.missed",)
    assert document.spellings() == {"call.missed": "Call Missed"}
    schedule = document.retry.schedule()
    assert schedule.delays_s == (1, 5, 60)
    assert (schedule.until_s, schedule.jitter) == (3600, 0.1)
    assert schedule.statuses == {500, 503}


async def test_values_of_headers_are_shown_to_keys_that_may_change_webhooks(api: Served) -> None:
    made = await api.webhook(headers={"authorization": "Bearer credential"})
    one, listed = f"/v1/webhooks/{made['id']}", "/v1/webhooks"
    for key, value in ((ALICE, "Bearer credential"), (READER, "***")):
        shown = (await api.get(one, key=key)).json()["headers"]
        assert shown == {"authorization": value}
        assert (await api.get(listed, key=key)).json()["data"][0]["headers"] == shown
    changed = await api.send("PATCH", one, json={"description": "again"})
    assert changed.json()["headers"] == {"authorization": "Bearer credential"}
