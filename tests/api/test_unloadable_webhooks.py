"""A webhook that cannot be loaded as it is stored answers, names its fault, can be mended and
deleted, and spoils no list of the others."""

from typing import Any

import msgspec
import pytest

from conftest import Served
from offhook.model.ids import AccountId, WebhookId
from offhook.store.sealing import CannotOpen, Sealer

FAULTS: dict[str, object] = {
    "filter": "data.n ==",
    "speed": "fast",
    "url": 5,
    "events": ["nothing.known"],
    "signing": {"scheme": "quantum"},
    "retry": None,
}


async def damaged(api: Served, **faults: object) -> str:
    """A webhook whose document somebody wrote who checks nothing."""
    made = await api.webhook(external_id="crm", headers={"X-Env": "prod"})
    account, webhook = AccountId("acc_alice"), WebhookId(made["id"])
    stored = await api.store.webhooks.webhook(account, webhook)
    assert stored is not None
    document = msgspec.json.encode({**msgspec.json.decode(stored.document), **faults})
    assert await api.store.webhooks.replace_webhook(account, webhook, document, 1)
    return webhook


async def refusals(api: Served, webhook: str) -> list[tuple[int, str]]:
    path = f"/v1/webhooks/{webhook}"
    answers = [await api.post(f"{path}/{it}", {}) for it in ("test", "replay", "secret/rotate")]
    answers.append(await api.post("/v1/deliveries/retry", {"webhook_id": webhook}))
    return [(it.status_code, it.json()["code"]) for it in answers]


@pytest.mark.parametrize("field", FAULTS)
async def test_it_is_listed_with_its_fault_among_the_others(either_api: Served, field: str) -> None:
    api = either_api
    other = await api.webhook()
    webhook = await damaged(api, **{field: FAULTS[field]})
    shown = await api.get(f"/v1/webhooks/{webhook}")
    assert shown.status_code == 200, shown.text
    told: dict[str, Any] = shown.json()
    assert field in told["fault"]
    assert (told["external_id"], told["revision"], told["enabled"]) == ("crm", 2, True)
    listed = (await api.get("/v1/webhooks")).json()["data"]
    assert [it["id"] for it in listed] == [webhook, other["id"]]
    assert (listed[0], listed[1]["fault"]) == (told, None)
    await api.event()
    for path in ("/v1/deliveries", f"/v1/deliveries?webhook_id={webhook}", "/v1/replays"):
        assert (await api.get(path)).status_code == 200
    assert (await api.get(f"/v1/webhooks/{webhook}/stats")).status_code == 200
    assert (await api.get(f"/v1/webhooks/{webhook}/secret")).status_code == 200
    assert await refusals(api, webhook) == [(409, "webhook_unreadable")] * 4
    assert (await api.get(f"/v1/replays?webhook_id={webhook}")).json()["data"] == []


async def test_what_the_patch_does_not_mend_is_named_as_a_fault_of_what_is_stored(
    api: Served,
) -> None:
    path = f"/v1/webhooks/{await damaged(api, filter='data.n ==')}"
    left = await api.send("PATCH", path, json={"description": "new"})
    assert (left.status_code, left.json()["code"]) == (409, "webhook_unreadable")
    mended = await api.send("PATCH", path, json={"filter": None})
    assert (mended.status_code, mended.json()["fault"]) == (200, None)


@pytest.mark.parametrize("field", FAULTS)
async def test_it_is_mended_by_putting_all_of_it_and_can_be_deleted(
    either_api: Served, field: str
) -> None:
    api = either_api
    webhook = await damaged(api, **{field: FAULTS[field]})
    document = {"url": "https://example.com/hook", "events": ["*"]}
    put = await api.send("PUT", "/v1/webhooks/by-external-id/crm", json=document)
    assert (put.status_code, put.json()["id"], put.json()["fault"]) == (200, webhook, None)
    assert (await api.send("DELETE", f"/v1/webhooks/{webhook}")).status_code == 204


async def test_one_whose_secrets_cannot_be_opened_is_shown_without_them_and_can_be_deleted(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await api.webhook()
    lost = await api.webhook(headers={"X-Key": "token"})
    opens = Sealer.open

    def refusing(self: Sealer, sealed: str, place: str) -> bytes:
        if lost["id"] in place:
            raise CannotOpen("its key is not here.")
        return opens(self, sealed, place)

    monkeypatch.setattr(Sealer, "open", refusing)
    listed = (await api.get("/v1/webhooks")).json()["data"]
    assert [it["id"] for it in listed] == [lost["id"], other["id"]]
    assert (listed[0]["fault"], listed[0]["headers"]) == ("its key is not here", {"X-Key": "***"})
    path = f"/v1/webhooks/{lost['id']}"
    changed = await api.send("PATCH", path, json={"description": "x"})
    assert (changed.status_code, changed.json()["code"]) == (409, "webhook_unreadable")
    for kind in ("secret", "public-key"):
        assert (await api.get(f"{path}/{kind}")).status_code == 409
    assert await refusals(api, lost["id"]) == [(409, "webhook_unreadable")] * 4
    assert (await api.get("/v1/deliveries")).status_code == 200
    assert (await api.send("DELETE", path)).status_code == 204
