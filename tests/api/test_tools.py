"""Why a received request does not verify: said exactly, without ever showing a secret."""

import base64
from typing import Any

import pytest

from conftest import POSTER, READER, Served
from offhook.signing import STANDARD, make_secret, sign

PATH = "/v1/tools/verify"
SECRET = make_secret(bytes(32))
BODY = '{"id":"evt_1","name":"Zoë"}'


def signed(api: Served, age_s: int = 0) -> dict[str, str]:
    at_s = int(api.clock.now().timestamp()) - age_s
    return sign(STANDARD, [SECRET], event_id="evt_1", timestamp_s=at_s, body=BODY.encode())


async def told(api: Served, **given: object) -> dict[str, Any]:
    document = {"body": BODY, "headers": signed(api), "secret": SECRET, **given}
    answer = await api.post(PATH, document, key=READER)
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text
    verdict: dict[str, Any] = answer.json()
    return verdict


async def test_a_valid_request_is_valid_with_its_age(api: Served) -> None:
    verdict = await told(api, headers=signed(api, 3))
    assert verdict == {
        "valid": True,
        "reason": None,
        "explanation": "The signature is valid; it was made 3 s ago.",
        "skew_s": 3,
    }


async def test_a_body_may_be_given_in_base64(api: Served) -> None:
    packed = base64.b64encode(BODY.encode()).decode()
    assert (await told(api, body=None, body_base64=packed))["valid"]


async def test_secrets_of_a_rotation_may_be_given_together(api: Served) -> None:
    assert (await told(api, secret=[make_secret(b"x" * 32), SECRET]))["valid"]


@pytest.mark.parametrize(
    ("given", "reason", "said"),
    [
        ({"headers": {"webhook-id": "evt_1"}}, "missing_header", "webhook-timestamp and"),
        ({"secret": make_secret(b"x" * 32)}, "mismatch", "no secret given makes it"),
        ({"body": BODY + "\n"}, "body_altered", "a line break was put at its end"),
        ({"scheme": "chatwoot"}, "other_scheme", "standard"),
        ({"scheme": {"scheme": "timestamped-hex", "prefix": "x-a"}}, "other_scheme", "standard"),
    ],
)
async def test_what_is_wrong_is_said(
    api: Served, given: dict[str, object], reason: str, said: str
) -> None:
    verdict = await told(api, **given)
    assert (verdict["valid"], verdict["reason"]) == (False, reason)
    assert said in verdict["explanation"]


async def test_the_skew_is_told_in_seconds_and_a_request_of_the_past_can_be_tried(
    api: Served,
) -> None:
    late = await told(api, headers=signed(api, 1000))
    assert (late["reason"], late["skew_s"]) == ("too_old", 1000)
    then_s = int(api.clock.now().timestamp()) - 1000
    assert (await told(api, headers=signed(api, 1000), now=then_s))["valid"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"scheme": "md5"}, "body.scheme"),
        ({"scheme": {"scheme": "md5"}}, "body.scheme.scheme"),
        ({"scheme": {"scheme": "twilio", "header": "x"}}, "body.scheme.header"),
        ({"scheme": {"scheme": "timestamped-hex", "prefix": 1}}, "body.scheme.prefix"),
        ({"body": None}, "body"),
        ({"scheme": {"scheme": "standard", "name": "x"}}, "body.scheme.name"),
        ({"body_base64": "AA=="}, "body"),
        ({"body": None, "body_base64": "%"}, "body.body_base64"),
        ({"secret": {"is": SECRET}}, "body.secret.str"),
    ],
)
async def test_what_cannot_be_tried_is_named_without_the_secret(
    api: Served, given: dict[str, object], field: str
) -> None:
    document = {"body": BODY, "headers": {}, "secret": SECRET, **given}
    answer = await api.post(PATH, document)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == field
    assert SECRET not in answer.text


async def test_reading_is_scope_enough_and_less_is_not(api: Served) -> None:
    document = {"body": "", "headers": {}, "scheme": "none"}
    assert (await api.post(PATH, document, key=READER)).status_code == 200
    assert (await api.post(PATH, document, key=POSTER)).status_code == 403
    assert (await api.send("POST", PATH, json=document, key=None)).status_code == 401
