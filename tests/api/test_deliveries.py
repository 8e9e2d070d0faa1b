"""Deliveries: what became of each event at each endpoint, and one more try."""

from dataclasses import dataclass
from typing import Any

import pytest

from conftest import READER, Served
from offhook.delivery.engine.dispatcher import CONSUMER
from offhook.delivery.entries import (
    AttemptRecord,
    PartitionChanges,
    PendingRow,
    PendingState,
)
from offhook.log.entries import Lease
from offhook.model.event import LogEvent, rfc3339_ms
from offhook.model.ids import AccountId, WebhookId, delivery_id


@dataclass
class Desk:
    """Stands in for the dispatcher: writes what became of deliveries."""

    api: Served
    lease: Lease
    webhook: WebhookId

    async def apply(
        self, event: LogEvent, *, status: int, state: PendingState | None = None
    ) -> None:
        place = (self.webhook, event.partition, event.position, event.account)
        told = (event.id, event.type, event.key)
        attempt = AttemptRecord(
            *place,
            *told,
            number=1 + (await self._tries(event)),
            started_ms=event.created_ms + 7,
            duration_ms=12.5,
            accepted=status < 300,
            status=status,
            error=None if status < 300 else "status 503",
            response=None if status < 300 else b"busy \xff",
            detail=b'{"request":{"webhook-id":"evt_1"},"timings":{"first_byte_ms":8.5},'
            b'"response":{"server":"x"}}',
        )
        due = event.created_ms + 5_000 if state is PendingState.RETRY else None
        row = state and PendingRow(*place, *told, event.key, state, 1, due, event.created_ms)
        changes = PartitionChanges(
            self.lease, event.position, (attempt,), rows=() if row is None else (row,)
        )
        report = await self.api.store.dispatch.apply([changes])
        assert not report.lost

    async def _tries(self, event: LogEvent) -> int:
        place = (self.webhook, event.partition, event.position)
        return len(await self.api.store.deliveries.attempts(event.account, *place))


@pytest.fixture
async def desk(api: Served) -> Desk:
    made = await api.webhook()
    (lease,) = (await api.store.leases.acquire(CONSUMER, "a test", 60)).taken
    return Desk(api, lease, WebhookId(made["id"]))


async def posted(api: Served) -> LogEvent:
    told = await api.event(type="custom.note", data={"text": "x"})
    event = await api.store.feed.event(AccountId("acc_alice"), told["id"])
    assert event is not None
    return event


async def of_event(api: Served, event: LogEvent) -> dict[str, Any]:
    (delivery,) = (await api.get(f"/v1/events/{event.id}/deliveries")).json()["data"]
    assert (await api.get(f"/v1/deliveries/{delivery['id']}")).json() == delivery
    return dict(delivery)


async def test_a_delivery_tells_what_became_of_it(desk: Desk) -> None:
    api = desk.api
    accepted, waiting, failed = [await posted(api) for _ in range(3)]
    await desk.apply(accepted, status=200)
    await desk.apply(waiting, status=503, state=PendingState.RETRY)
    await desk.apply(failed, status=503, state=PendingState.FAILED)

    delivered = await of_event(api, accepted)
    assert delivered["id"] == delivery_id(desk.webhook, accepted.partition, accepted.position)
    assert delivered["webhook_id"] == desk.webhook
    assert (delivered["event_id"], delivered["event_type"]) == (accepted.id, "custom.note")
    assert (delivered["status"], delivered["attempts"]) == ("delivered", 1)
    assert delivered["last_attempt"]["duration_ms"] == 12.5
    assert delivered["created_at"] == rfc3339_ms(accepted.created_ms)

    pending = await of_event(api, waiting)
    assert (pending["status"], pending["next_attempt_at"]) == (
        "pending",
        "2026-11-20T10:00:05.000Z",
    )
    assert (await of_event(api, failed))["status"] == "failed"


async def test_attempts_are_told_with_what_came_back(desk: Desk) -> None:
    event = await posted(desk.api)
    await desk.apply(event, status=503, state=PendingState.RETRY)
    delivery = await of_event(desk.api, event)
    (attempt,) = (await desk.api.get(f"/v1/deliveries/{delivery['id']}/attempts")).json()["data"]
    assert attempt == {
        "number": 1,
        "started_at": "2026-11-20T10:00:00.007Z",
        "duration_ms": 12.5,
        "accepted": False,
        "status": 503,
        "error": "status 503",
        "request_headers": {"webhook-id": "evt_1"},
        "response_headers": {"server": "x"},
        "response": "busy \ufffd",
        "timings": {
            "dns_ms": None,
            "connect_ms": None,
            "tls_ms": None,
            "first_byte_ms": 8.5,
            "total_ms": 12.5,
        },
        "late": False,
        "replay_id": None,
    }


async def test_attempts_are_paged_like_any_list(desk: Desk) -> None:
    event = await posted(desk.api)
    for status in (503, 500, 200):
        await desk.apply(event, status=status)
    path = f"/v1/deliveries/{(await of_event(desk.api, event))['id']}/attempts"
    statuses: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await desk.api.get(f"{path}?limit=1{cursor}")).json()
        statuses += [attempt["status"] for attempt in page["data"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert statuses == [200, 500, 503]
    for query, field in (("limit=201", "limit"), ("before=1", "before"), ("cursor=x", "cursor")):
        answer = await desk.api.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, f"query.{field}")


async def test_deliveries_are_listed_newest_first_by_filter_and_page(desk: Desk) -> None:
    api = desk.api
    other = await api.webhook()
    events = [await posted(api) for _ in range(3)]
    for event in events[:2]:
        await desk.apply(event, status=200)
    await desk.apply(events[2], status=503, state=PendingState.FAILED)

    async def ids(query: str) -> list[str]:
        answer = await api.get(f"/v1/deliveries?{query}")
        assert answer.status_code == 200, answer.text
        return [delivery["event_id"] for delivery in answer.json()["data"]]

    newest = [event.id for event in reversed(events)]
    assert await ids(f"webhook_id={desk.webhook}") == newest
    assert await ids("status=failed") == newest[:1]
    assert await ids(f"status=delivered&webhook_id={desk.webhook}") == newest[1:]
    assert await ids(f"event_key={events[1].key}&webhook_id={desk.webhook}") == [events[1].id]
    assert await ids("type=call.missed") == []
    assert await ids(f"event_id={events[0].id}&webhook_id={desk.webhook}") == [events[0].id]

    paged: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.get(f"/v1/deliveries?limit=1{cursor}")).json()
        paged += [delivery["id"] for delivery in page["data"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    whole = (await api.get("/v1/deliveries?limit=200")).json()["data"]
    assert paged == [delivery["id"] for delivery in whole]
    assert {delivery["webhook_id"] for delivery in whole} <= {desk.webhook, other["id"]}


async def test_a_retry_is_asked_of_the_deliverys_owner(desk: Desk) -> None:
    event = await posted(desk.api)
    await desk.apply(event, status=503, state=PendingState.FAILED)
    delivery = await of_event(desk.api, event)
    path = f"/v1/deliveries/{delivery['id']}/retry"
    assert (await desk.api.send("POST", path, key=READER)).status_code == 403
    assert (await desk.api.send("POST", path)).status_code == 202
    (request,) = await desk.api.store.dispatch.requests([event.partition], 10)
    assert (request.webhook, request.position) == (desk.webhook, event.position)


async def test_an_accepted_delivery_is_not_sent_again(desk: Desk) -> None:
    event = await posted(desk.api)
    await desk.apply(event, status=200)
    delivery = await of_event(desk.api, event)
    answer = await desk.api.send("POST", f"/v1/deliveries/{delivery['id']}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_delivered")
    assert "new id" in answer.json()["detail"]
    assert await desk.api.store.dispatch.requests([event.partition], 10) == []


async def test_nothing_is_retried_at_a_disabled_endpoint(desk: Desk) -> None:
    event = await posted(desk.api)
    await desk.apply(event, status=503, state=PendingState.FAILED)
    delivery = await of_event(desk.api, event)
    path = f"/v1/deliveries/{delivery['id']}/retry"
    await desk.api.send("PATCH", f"/v1/webhooks/{desk.webhook}", json={"enabled": False})
    answer = await desk.api.send("POST", path)
    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_disabled")
    assert "PATCH" in answer.json()["detail"]
    await desk.api.send("PATCH", f"/v1/webhooks/{desk.webhook}", json={"enabled": True})
    assert (await desk.api.send("POST", path)).status_code == 202


async def test_what_was_not_sent_while_an_endpoint_was_disabled_can_be_retried(desk: Desk) -> None:
    api = desk.api
    event = await posted(api)
    pending = await of_event(api, event)
    assert (pending["status"], pending["attempts"]) == ("pending", 0)
    assert pending["reason"] == "the endpoint has not come to it yet"
    await api.send("PATCH", f"/v1/webhooks/{desk.webhook}", json={"enabled": False})
    await api.store.dispatch.apply([PartitionChanges(desk.lease, event.position)])
    canceled = await of_event(api, event)
    assert (canceled["status"], canceled["attempts"]) == ("canceled", 0)
    assert "disabled" in canceled["reason"]
    (listed,) = (await api.get("/v1/deliveries?status=undelivered")).json()["data"]
    assert listed == canceled
    path = f"/v1/deliveries/{canceled['id']}/retry"
    answer = await api.send("POST", path)
    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_disabled")
    await api.send("PATCH", f"/v1/webhooks/{desk.webhook}", json={"enabled": True})
    assert (await api.send("POST", path)).status_code == 202
    (request,) = await api.store.dispatch.requests([event.partition], 10)
    assert request.row is not None
    assert (request.row.state, request.row.event_id) == (PendingState.CANCELED, event.id)


@pytest.mark.parametrize(
    "name", ["dlv_nonsense", "dlv_" + "A" * 40, "nonsense", delivery_id(WebhookId("wh_1"), 0, 1)]
)
async def test_a_delivery_that_is_none_is_not_found(api: Served, name: str) -> None:
    for method, path in (("GET", ""), ("GET", "/attempts"), ("POST", "/retry")):
        assert (await api.send(method, f"/v1/deliveries/{name}{path}")).status_code == 404


@pytest.mark.parametrize(
    ("query", "field"), [("status=lost", "query.status"), ("type=call.x", "query.type")]
)
async def test_a_filter_that_means_nothing_is_refused(api: Served, query: str, field: str) -> None:
    answer = await api.get(f"/v1/deliveries?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == field
