"""Secrets over the API: rotated with an overlap, shown to who may see them, public keys to all."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from fastapi import Response

from conftest import BOB, READER, Served
from offhook.delivery.engine.dispatcher import CONSUMER
from offhook.delivery.webhooks.rollout import Rollout
from offhook.delivery.webhooks.secret_routes import SecretRoutes
from offhook.model.event import rfc3339_ms, to_ms
from offhook.signing import STANDARD_ED25519, make_secret
from offhook.signing.ed25519 import jwk_of, public_key
from offhook.testing.clock import FakeClock

ED25519 = {"scheme": "standard-ed25519"}
DAY_S = 86_400


def later(api: Served, seconds: float) -> str:
    return rfc3339_ms(to_ms(api.clock.now() + timedelta(seconds=seconds)))


async def rotate(api: Served, webhook: str, **body: object) -> dict[str, Any]:
    answer = await api.post(f"/v1/webhooks/{webhook}/secret/rotate", body)
    assert answer.status_code == 200, answer.text
    rotated: dict[str, Any] = answer.json()
    return rotated


async def test_a_rotation_shows_the_new_secret_and_when_the_old_one_ends(api: Served) -> None:
    made = await api.webhook()
    rotated = await rotate(api, made["id"], overlap_s=3600)
    assert rotated["secret"] != made["secret"]
    assert len(base64.b64decode(rotated["secret"].removeprefix("whsec_"))) == 32
    assert rotated["secrets"] == [
        {"secret": rotated["secret"], "expires_at": None},
        {"secret": made["secret"], "expires_at": later(api, 3600)},
    ]
    assert rotated["warnings"] == []
    path = f"/v1/webhooks/{made['id']}/secret"
    shown = (await api.get(path)).json()
    assert shown == {field: rotated[field] for field in ("secret", "secrets")}
    api.clock.advance(3600)
    assert len((await api.get(path)).json()["secrets"]) == 1


@pytest.mark.parametrize("prefix", ["/v1", "/api/v1"])
async def test_without_a_body_the_overlap_is_a_day(api: Served, prefix: str) -> None:
    made = await api.webhook()
    answer = await api.send("POST", f"{prefix}/webhooks/{made['id']}/secret/rotate")
    assert answer.status_code == 200, answer.text
    assert answer.json()["secrets"][1]["expires_at"] == later(api, DAY_S)


async def test_a_secret_of_ones_own_is_taken_and_checked(api: Served) -> None:
    made = await api.webhook()
    given = make_secret(b"g" * 32)
    assert (await rotate(api, made["id"], secret=given, overlap_s=0))["secrets"] == [
        {"secret": given, "expires_at": None}
    ]
    path = f"/v1/webhooks/{made['id']}/secret/rotate"
    for body, status, field in (
        ({"secret": given}, 409, "body.secret"),
        ({"secret": "whsec_short"}, 422, "body.secret"),
        ({"overlap_s": 604_801}, 422, "body.overlap_s"),
        ({"overlap_s": -1}, 422, "body.overlap_s"),
        ({"overlap": 1}, 422, "body.overlap"),
    ):
        refused = await api.post(path, body)
        assert refused.status_code == status, refused.text
        assert refused.json()["errors"][0]["path"] == field
        assert given not in refused.text


async def test_who_may_only_read_rotates_nothing_and_sees_no_secret(api: Served) -> None:
    made = await api.webhook()
    path = f"/v1/webhooks/{made['id']}"
    assert (await api.post(f"{path}/secret/rotate", {}, key=READER)).status_code == 403
    assert (await api.get(f"{path}/public-key", key=READER)).status_code == 200
    assert (await api.get(f"{path}/public-key", key=BOB)).status_code == 404
    assert len((await api.get(f"{path}/secret")).json()["secrets"]) == 1


async def test_an_engine_that_does_not_follow_is_warned_of(api: Served) -> None:
    made = await api.webhook()
    await api.store.leases.acquire(CONSUMER, "an engine that hangs", 60)
    clock = FakeClock()

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    routes = SecretRoutes(api.store.webhooks, Rollout(api.store.rollout, clock, sleep), bytes)
    asking = type("Asking", (), {"account": "acc_alice", "require": lambda *_: None})()
    rotated = await routes.rotate_webhook_secret(asking, made["id"], Response())
    [warning] = rotated.warnings
    assert "1 process" in warning
    assert rotated.secret not in warning


async def test_public_keys_are_shown_for_as_long_as_they_sign(api: Served) -> None:
    made = await api.webhook(signing=ED25519)
    assert made["secret"].startswith("whsk_")
    rotated = await rotate(api, made["id"], overlap_s=60)
    old, new = public_key(made["secret"]), public_key(rotated["secret"])
    path = f"/v1/webhooks/{made['id']}/public-key"
    shown = (await api.get(path)).json()
    assert shown["public_key"] == new
    assert [(key["public_key"], key["expires_at"]) for key in shown["public_keys"]] == [
        (new, None),
        (old, later(api, 60)),
    ]
    assert shown["public_keys"][0]["jwk"]["kid"] == jwk_of(new).kid
    api.clock.advance(60)
    assert len((await api.get(path)).json()["public_keys"]) == 1


async def test_a_shared_secret_has_no_public_key(api: Served) -> None:
    made = await api.webhook()
    shown = (await api.get(f"/v1/webhooks/{made['id']}/public-key")).json()
    assert shown == {"public_key": None, "public_keys": []}


async def test_anyone_may_read_the_key_set_and_no_private_key_is_in_it(api: Served) -> None:
    path = "/.well-known/jwks.json"
    answer = await api.get(path, key=None)
    assert (answer.status_code, answer.json()) == (200, {"keys": []})
    assert answer.headers["cache-control"] == "public, max-age=60"
    made = await api.webhook(signing=ED25519)
    await api.webhook()
    api.clock.advance(1)
    other = await api.webhook(key=BOB, signing=ED25519)
    api.clock.advance(5)
    keys = (await api.get(path, key=None)).json()["keys"]
    expected = [jwk_of(public_key(it["secret"])) for it in (other, made)]
    assert [key["kid"] for key in keys] == [jwk.kid for jwk in expected]
    assert keys[0] == {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
        "x": expected[0].x,
        "kid": expected[0].kid,
    }
    await rotate(api, made["id"], overlap_s=60)
    api.clock.advance(5)
    assert len((await api.get(path, key=None)).json()["keys"]) == 3


async def test_the_key_set_is_read_once_in_five_seconds_however_often_it_is_asked_for(
    api: Served,
) -> None:
    path = "/.well-known/jwks.json"
    assert (await api.get(path, key=None)).json()["keys"] == []
    await api.webhook(signing=ED25519)
    assert (await api.get(path, key=None)).json()["keys"] == []
    api.clock.advance(5)
    assert len((await api.get(path, key=None)).json()["keys"]) == 1


@pytest.mark.parametrize("overlap_s", [0, 60])
async def test_a_scheme_of_another_kind_gets_a_new_secret_and_says_so(
    api: Served, overlap_s: int
) -> None:
    made = await api.webhook()
    await rotate(api, made["id"], overlap_s=overlap_s)
    path = f"/v1/webhooks/{made['id']}"
    changed = await api.send("PATCH", path, json={"signing": ED25519})
    assert changed.status_code == 200, changed.text
    [warning] = changed.json()["warnings"]
    assert "a new one was made" in warning
    shown = (await api.get(f"{path}/secret")).json()
    assert shown["secret"].startswith("whsk_")
    assert len(shown["secrets"]) == 1
    assert shown["secret"] not in changed.text
    back = await api.send("PATCH", path, json={"signing": {"scheme": "standard"}})
    assert len(back.json()["warnings"]) == 1
    assert (await api.get(f"{path}/secret")).json()["secret"].startswith("whsec_")


async def test_schemes_of_one_kind_keep_the_secret(api: Served) -> None:
    made = await api.webhook()
    path = f"/v1/webhooks/{made['id']}"
    for scheme in ("timestamped-hex", "none", "standard"):
        changed = await api.send("PATCH", path, json={"signing": {"scheme": scheme}})
        assert changed.json()["warnings"] == []
    assert (await api.get(f"{path}/secret")).json()["secret"] == made["secret"]


async def test_a_pair_of_keys_may_be_given(api: Served) -> None:
    pair = make_secret(bytes(32), STANDARD_ED25519)
    assert (await api.webhook(signing=ED25519, secret=pair))["secret"] == pair
    document = {"url": "https://example.com/hook", "events": ["*"], "secret": pair}
    assert (await api.post("/v1/webhooks", document)).status_code == 422
