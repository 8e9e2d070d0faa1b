"""What we sign, others accept; what others sign, we accept; nothing altered passes anywhere."""

import time
from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import given

from offhook.model.errors import Invalid
from offhook.signing import (
    STANDARD,
    Rejected,
    RejectReason,
    Secret,
    TimestampedHex,
    Unsigned,
    Verified,
    make_secret,
    sign,
    signer_for,
    verify,
)

SECRET = make_secret(bytes(range(32)))
OLD_SECRET = make_secret(bytes(range(100, 132)))
BODY = b'{"id":"evt_1","data":{"caller_name":"Zo\xc3\xab"}}'


def vendor_accepts(library: type, secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        library(secret).verify(body, headers)
    except (standardwebhooks.WebhookVerificationError, svix.webhooks.WebhookVerificationError):
        return False
    return True


VENDORS = pytest.mark.parametrize(
    "library", [standardwebhooks.Webhook, svix.webhooks.Webhook], ids=["standardwebhooks", "svix"]
)


def test_the_published_vector_is_reproduced() -> None:
    headers = sign(
        STANDARD,
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp_s=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_timestamped_hex_signs_timestamp_dot_body_with_the_secret_as_text() -> None:
    """Computed once with openssl: printf '1614265330.{}' | openssl dgst -sha256 -hmac <secret>"""
    headers = sign(
        TimestampedHex("x-callcall"),
        ["whsec_topsecretvalue"],
        event_id="unused",
        timestamp_s=1614265330,
        body=b"{}",
    )
    assert headers == {
        "x-callcall-timestamp": "1614265330",
        "x-callcall-signature": "2ff6c2403459207ae9daf120587bbe6e8fe948beb237faa4016ec4c3be08afe2",
    }


@VENDORS
def test_vendors_accept_what_we_sign_and_nothing_altered(library: type) -> None:
    body = b'{"id":"evt_1","n":1}'
    now_s = int(time.time())
    headers = sign(STANDARD, [SECRET], event_id="evt_1", timestamp_s=now_s, body=body)
    assert vendor_accepts(library, SECRET, headers, body)
    assert not vendor_accepts(library, SECRET, headers, body + b" ")
    assert not vendor_accepts(library, SECRET, {**headers, "webhook-id": "evt_2"}, body)
    later = {**headers, "webhook-timestamp": str(now_s + 1)}
    assert not vendor_accepts(library, SECRET, later, body)
    assert not vendor_accepts(library, OLD_SECRET, headers, body)


@VENDORS
def test_during_a_rotation_vendors_accept_with_either_secret(library: type) -> None:
    body = b'{"id":"evt_1"}'
    headers = sign(
        STANDARD,
        [SECRET, OLD_SECRET],
        event_id="evt_1",
        timestamp_s=int(time.time()),
        body=body,
    )
    assert vendor_accepts(library, SECRET, headers, body)
    assert vendor_accepts(library, OLD_SECRET, headers, body)


@VENDORS
def test_we_accept_what_vendors_sign(library: type) -> None:
    moment = datetime(2026, 11, 20, 10, tzinfo=UTC)
    headers = {
        "Webhook-Id": "evt_1",
        "Webhook-Timestamp": str(int(moment.timestamp())),
        "Webhook-Signature": library(SECRET).sign("evt_1", moment, BODY.decode()),
    }
    now_s = int(moment.timestamp()) + 4
    verdict = verify(STANDARD, [OLD_SECRET, SECRET], headers=headers, body=BODY, now_s=now_s)
    assert verdict == Verified("evt_1", now_s - 4, 4)


@pytest.mark.parametrize("scheme", [STANDARD, TimestampedHex("x-callcall")])
@given(
    body=st.binary(max_size=200),
    event_id=st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z"),
    timestamp_s=st.integers(min_value=0, max_value=10**10),
    random_bytes=st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=3),
    flip=st.integers(min_value=0),
)
def test_signed_verifies_and_one_flipped_bit_of_the_body_does_not(
    scheme: TimestampedHex,
    body: bytes,
    event_id: str,
    timestamp_s: int,
    random_bytes: list[bytes],
    flip: int,
) -> None:
    secrets = [make_secret(entropy) for entropy in random_bytes]
    headers = sign(scheme, secrets, event_id=event_id, timestamp_s=timestamp_s, body=body)
    for secret in secrets:
        verdict = verify(scheme, [secret], headers=headers, body=body, now_s=timestamp_s)
        assert isinstance(verdict, Verified)
    if body:
        altered = bytearray(body)
        altered[flip // 8 % len(body)] ^= 1 << flip % 8
        verdict = verify(scheme, secrets, headers=headers, body=bytes(altered), now_s=timestamp_s)
        assert isinstance(verdict, Rejected)
        assert verdict.reason is RejectReason.MISMATCH


def test_a_prepared_signer_keeps_nothing_of_the_request_before() -> None:
    signer = signer_for(STANDARD, [Secret(SECRET)])
    first = signer.headers("evt_1", 1, b"one")
    signer.headers("evt_2", 2, b"two")
    assert signer.headers("evt_1", 1, b"one") == first


def test_scheme_none_adds_no_header() -> None:
    assert signer_for(Unsigned(), []).headers("evt_1", 1, b"{}") == {}


@pytest.mark.parametrize("secrets", [[], ["whsec_not base64"], ["whsec_"]])
def test_a_signer_without_a_usable_secret_is_refused(secrets: list[str]) -> None:
    with pytest.raises(Invalid):
        signer_for(STANDARD, [Secret(text) for text in secrets])
