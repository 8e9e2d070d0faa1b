"""What can be proved about a mismatch is proved; what cannot is not claimed."""

import base64
import hashlib
import hmac
import json

import pytest

from offhook.model.errors import Invalid
from offhook.signing import (
    STANDARD,
    STANDARD_ED25519,
    RejectReason,
    Scheme,
    SignedRequest,
    TimestampedHex,
    Unsigned,
    explain,
    make_secret,
    sign,
)

NOW_S = 1_800_000_000
SECRET = make_secret(bytes(range(24)))
HEX = TimestampedHex("x-callcall")
BODY = '{"id":"evt_1","name":"Zoë","tags":[]}'.encode()


def signed(scheme: Scheme, body: bytes = BODY, timestamp_s: int = NOW_S) -> dict[str, str]:
    return sign(scheme, [SECRET], event_id="evt_1", timestamp_s=timestamp_s, body=body)


def reason_of(
    headers: dict[str, str],
    *,
    scheme: Scheme = STANDARD,
    secret: str = SECRET,
    body: bytes = BODY,
) -> RejectReason | None:
    result = explain(scheme, [secret], SignedRequest(headers, body), now_s=NOW_S)
    assert result.valid is (result.reason is None)
    assert secret not in result.explanation
    return result.reason


def test_a_valid_request_is_said_to_be_valid_with_its_age() -> None:
    headers = signed(STANDARD, timestamp_s=NOW_S - 12)
    result = explain(STANDARD, [SECRET], SignedRequest(headers, BODY), now_s=NOW_S)
    assert result.valid
    assert result.skew_s == 12
    assert "12 s ago" in result.explanation


@pytest.mark.parametrize("scheme", [STANDARD, HEX])
@pytest.mark.parametrize(
    "received",
    [
        BODY + b"\n",
        BODY + b"\r\n",
        b"\xef\xbb\xbf" + BODY,
        json.dumps(json.loads(BODY)).encode(),
        json.dumps(json.loads(BODY), indent=2, ensure_ascii=False).encode(),
    ],
    ids=["newline", "crlf", "bom", "rewritten", "indented"],
)
def test_a_body_altered_by_a_common_tool_is_proved_altered(scheme: Scheme, received: bytes) -> None:
    reason = reason_of(signed(scheme), scheme=scheme, body=received)
    assert reason is RejectReason.BODY_ALTERED


@pytest.mark.parametrize(
    ("original", "received"),
    [
        (BODY + b"\n", BODY),
        (b'{\n"a": 1}', b'{\r\n"a": 1}'),
        (json.dumps(json.loads(BODY)).encode(), BODY),
    ],
)
def test_a_body_put_in_order_by_a_common_tool_is_proved_altered(
    original: bytes, received: bytes
) -> None:
    assert reason_of(signed(STANDARD, original), body=received) is RejectReason.BODY_ALTERED


def test_a_standard_secret_used_as_plain_text_is_proved_misread() -> None:
    key = SECRET.removeprefix("whsec_").encode()
    content = f"evt_1.{NOW_S}.".encode() + BODY
    digest = hmac.digest(key, content, "sha256")
    entry = "v1," + base64.b64encode(digest).decode()
    assert reason_of(signed(STANDARD) | {"webhook-signature": entry}) is RejectReason.KEY_MISREAD


def test_white_space_that_came_along_with_a_copied_secret_is_proved() -> None:
    reason = reason_of(signed(HEX), scheme=HEX, secret=SECRET + "\n")
    assert reason is RejectReason.KEY_MISREAD


def test_a_key_decoded_from_base64_where_text_was_meant_is_proved_misread() -> None:
    key = bytes(range(24))
    digest = hmac.new(key, f"{NOW_S}.".encode() + BODY, hashlib.sha256).hexdigest()
    headers = {"x-callcall-timestamp": str(NOW_S), "x-callcall-signature": digest}
    assert reason_of(headers, scheme=HEX) is RejectReason.KEY_MISREAD


def test_a_sender_that_signs_the_body_alone_is_proved_to_use_another_scheme() -> None:
    digest = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    headers = {"x-callcall-timestamp": str(NOW_S), "x-callcall-signature": digest}
    result = explain(HEX, [SECRET], SignedRequest(headers, BODY), now_s=NOW_S)
    assert result.reason is RejectReason.OTHER_SCHEME
    assert "the body alone" in result.explanation


def test_a_wrong_secret_or_an_altered_word_proves_nothing_and_is_not_claimed_to() -> None:
    wrong = make_secret(bytes(32))
    assert reason_of(signed(STANDARD), secret=wrong) is RejectReason.MISMATCH
    altered = BODY.replace(b"evt_1", b"evt_2")
    assert reason_of(signed(STANDARD), body=altered) is RejectReason.MISMATCH
    assert reason_of(signed(STANDARD), body=b"\xff not json") is RejectReason.MISMATCH


@pytest.mark.parametrize(
    ("signed_by", "verified_by", "named"),
    [(HEX, STANDARD, "'x-callcall'"), (STANDARD, HEX, "scheme standard")],
)
def test_headers_of_another_scheme_name_the_scheme_to_use(
    signed_by: Scheme, verified_by: Scheme, named: str
) -> None:
    result = explain(verified_by, [SECRET], SignedRequest(signed(signed_by), BODY), now_s=NOW_S)
    assert result.reason is RejectReason.OTHER_SCHEME
    assert named in result.explanation


def test_headers_of_an_unknown_scheme_are_pointed_at() -> None:
    result = explain(
        STANDARD, [SECRET], SignedRequest({"X-Signature": "t=1,v1=ab"}, BODY), now_s=NOW_S
    )
    assert result.reason is RejectReason.OTHER_SCHEME
    assert "x-signature" in result.explanation


def test_without_any_signature_header_the_missing_ones_are_named() -> None:
    assert reason_of({}) is RejectReason.MISSING_HEADER


def test_scheme_none_is_valid_and_says_that_nothing_was_checked() -> None:
    result = explain(Unsigned(), [], SignedRequest({}, BODY), now_s=NOW_S)
    assert result.valid
    assert "nothing to check" in result.explanation


@pytest.mark.parametrize(
    ("headers", "secret", "url", "said"),
    [
        ({**signed(STANDARD), "webhook-id": "e\udcff"}, SECRET, "", "header 'webhook-id' is not"),
        (signed(HEX), "s\udcff", "", "The secret is not text in UTF-8"),
        (signed(STANDARD), SECRET, "https://x/\udcff", "The URL is not text"),
    ],
)
def test_what_is_no_text_is_named(
    headers: dict[str, str], secret: str, url: str, said: str
) -> None:
    for scheme in (STANDARD, HEX):
        found = explain(scheme, [secret], SignedRequest(headers, BODY, url), now_s=NOW_S)
        assert not found.valid
        assert said in found.explanation


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each look at an Ed25519 signature hashed."""
    sizes: list[int] = []

    def signs(_public: bytes, _signature: bytes, content: bytes) -> bool:
        sizes.append(len(content))
        return False

    monkeypatch.setattr("offhook.signing.ed25519.signs", signs)
    return sizes


@pytest.mark.parametrize(("keys", "entries"), [(1, 16), (2, 16), (10, 3), (1, 1), (10, 16)])
def test_the_work_of_one_look_is_bounded_however_many_keys_and_signatures(
    keys: int, entries: int, hashed: list[int]
) -> None:
    """Ten keys on sixteen signatures of a large body hashed it for seconds."""
    body = b"x" * 900_000
    entry = "v1a," + base64.b64encode(bytes(64)).decode()
    headers = {
        "webhook-id": "e",
        "webhook-timestamp": str(NOW_S),
        "webhook-signature": " ".join([entry] * entries),
    }
    secrets = ["whsk_" + base64.b64encode(bytes([n]) * 32).decode() for n in range(keys)]
    request = SignedRequest(headers, body)
    if keys * entries > 32:
        with pytest.raises(Invalid, match=r"secret \(10\) .* over 32 MiB; give fewer"):
            explain(STANDARD_ED25519, secrets, request, now_s=NOW_S)
    else:
        assert not explain(STANDARD_ED25519, secrets, request, now_s=NOW_S).valid
    assert sum(hashed) < 40 << 20
