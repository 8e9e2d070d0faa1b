"""What every path has in common: keys, refusals of one shape, and answers for faults of ours."""

import json
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from conftest import ALICE, SCRAPER, STRANGER, Served, call_event
from offhook.log.appender import Appender
from offhook.log.entries import AppendOutcome, Submission
from offhook.model.errors import Overloaded

OPEN = {"/healthz", "/readyz", "/metrics", "/.well-known/jwks.json"}
MEMBERS = {"type", "title", "status", "detail", "code", "errors"}


async def test_every_documented_path_wants_a_known_key(api: Served) -> None:
    document = (await api.get("/openapi.json", key=None)).json()
    for template, operations in document["paths"].items():
        if template in OPEN:
            continue
        for method in operations:
            for key in (None, STRANGER):
                answer = await api.send(method.upper(), template, key=key, content=b"not JSON")
                assert answer.status_code == 401, (method, template)
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.json()["code"] == "unauthorized"


@pytest.mark.parametrize("path", ["/nope", "/v1", "/v1/nope", "/v1/events/", "/api/v1/events"])
async def test_an_unknown_path_is_a_problem_like_any_other(api: Served, path: str) -> None:
    for key in (None, ALICE):
        answer = await api.get(path, key=key)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json().keys() == MEMBERS


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/events", "GET, POST"),
        ("GET", "/v1/events/batch/x", None),
        ("POST", "/v1/webhooks/wh_1", "GET, PATCH, DELETE"),
        ("DELETE", "/healthz", "GET, HEAD"),
    ],
)
async def test_another_method_is_told_which_there_are(
    api: Served, method: str, path: str, allowed: str | None
) -> None:
    answer = await api.send(method, path)
    assert answer.status_code == (404 if allowed is None else 405)
    assert answer.headers.get("allow") == allowed
    assert answer.json().keys() == MEMBERS


async def test_json_under_curls_default_content_type_is_read(api: Served) -> None:
    answer = await api.send(
        "POST",
        "/v1/webhooks",
        content=json.dumps({"url": "https://example.com/h", "events": ["*"]}).encode(),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 201


async def test_a_fault_of_ours_is_logged_and_tells_nothing_but_its_id(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("the cause, which is nobody's business")

    monkeypatch.setattr(type(api.store.calls), "calls", fail)
    with capture_logs() as logged:
        answer = await api.get("/v1/calls")
    assert answer.status_code == 500
    problem = answer.json()
    assert problem.keys() == MEMBERS | {"request_id"}
    assert problem["code"] == "internal"
    assert problem["request_id"] in problem["detail"]
    assert "cause" not in answer.text
    (entry,) = logged
    assert (entry["log_level"], entry["request_id"]) == ("error", problem["request_id"])
    assert entry["route"] == "/v1/calls"
    assert "the cause, which is nobody's business" in entry["exception"]
    assert ALICE not in str(entry)


async def test_a_fault_in_storing_is_no_acceptance(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(type(api.store.log), "append", fail)
    for path, body in (("", call_event()), ("/batch", {"items": [call_event()]})):
        answer = await api.post(f"/v1/events{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "disk full" not in answer.text


async def test_a_full_queue_answers_503_and_when_to_come_back(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: Appender, __: Sequence[Submission]) -> list[AppendOutcome]:
        raise Overloaded("Too much waits.", retry_after_s=2)

    monkeypatch.setattr(Appender, "submit", full)
    for path, body in (("", call_event()), ("/batch", {"items": [call_event()]})):
        answer = await api.post(f"/v1/events{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"] == "2"


async def test_health_needs_no_key(api: Served) -> None:
    assert (await api.get("/healthz", key=None)).json() == {"status": "ok"}
    assert (await api.send("HEAD", "/healthz", key=None)).status_code == 200


async def test_readiness_says_what_is_missing(api: Served) -> None:
    assert (await api.get("/readyz", key=None)).status_code == 200
    api.ready.append("the store is being repaired")
    answer = await api.get("/readyz", key=None)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert "the store is being repaired" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "1"


async def test_metrics_count_by_template_and_need_the_scope(api: Served) -> None:
    assert (await api.get("/metrics", key=None)).status_code == 401
    told = await api.event()
    await api.get(f"/v1/events/{told['id']}")
    await api.get("/secret-path-of-a-scanner")
    answer = await api.get("/metrics", key=SCRAPER)
    assert answer.status_code == 200
    counted = 'offhook_http_requests_total{method="%s",route="%s",status="%d"} 1.0'
    assert counted % ("POST", "/v1/events", 202) in answer.text
    assert counted % ("GET", "/v1/events/{event_id}", 200) in answer.text
    assert counted % ("GET", "unmatched", 404) in answer.text
    assert told["id"] not in answer.text
    assert "scanner" not in answer.text
    assert (await api.get("/v1/events", key=SCRAPER)).status_code == 403
