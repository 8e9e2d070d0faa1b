"""A request verifies as its sender's SDK, or published vector, says; nothing else does."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args
from urllib.parse import urlencode

import hypothesis.strategies as st
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from telnyx.lib.webhook_verification import verify_webhook_signature
from twilio.request_validator import RequestValidator
from vonage_jwt import verify_signature

from offhook.model.errors import Invalid
from offhook.signing import (
    STANDARD,
    STANDARD_ED25519,
    Rejected,
    RejectReason,
    SignedRequest,
    TimestampedHex,
    Verdict,
    Verified,
    explain,
    make_secret,
    sign,
)
from offhook.signing.presets import PRESETS, Preset, check, preset_of
from offhook.signing.presets.values import HmacSha256, Sender, SharedToken, UnlimCall

NOW_S = 1_800_000_000
KEY = "a key of more than thirty-two bytes, for HS256"
BODY = (
    b'{"id":"call_1","event":"call.ended","token":"a key of more than thirty-two bytes, for HS256"}'
)
URL = "https://hooks.example.com/in?client=c1"
FORM = urlencode({"CallSid": "CA1", "From": "+1 202 555", "Empty": "", "Zoë": "ö"}).encode()
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
BESIDE = Path(__file__).parents[3] / "shared" / "data"
CALLRAIL_BODY = BESIDE / "callrail_post_call_signed_body.json"
TELNYX = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TELNYX_PUBLIC = base64.b64encode(TELNYX.public_key().public_bytes_raw()).decode()


def hexed(content: bytes, key: str = KEY) -> str:
    return hmac.new(key.encode(), content, hashlib.sha256).hexdigest()


def twilio_form() -> SignedRequest:
    fields = {"CallSid": "CA1", "From": "+1 202 555", "Empty": "", "Zoë": "ö"}
    signature = RequestValidator(KEY).compute_signature(URL, fields)
    return SignedRequest({**FORM_TYPE, "X-Twilio-Signature": signature}, FORM, URL)


def twilio_json() -> SignedRequest:
    url = f"{URL}&bodySHA256={hashlib.sha256(BODY).hexdigest()}"
    signature = RequestValidator(KEY).compute_signature(url, {})
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": signature}
    return SignedRequest(headers, BODY, url)


def twilio_shared_key() -> SignedRequest:
    signature = RequestValidator(KEY).compute_signature(URL, {"CallSid": "CA1"}, "HMAC_SHA256")
    settings = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    headers = {
        **FORM_TYPE,
        "X-Twilio-Signature": signature,
        "X-Twilio-Webhooks-Signature-Settings": settings,
    }
    return SignedRequest(headers, b"CallSid=CA1", URL)


def signalwire_json() -> SignedRequest:
    digest = hmac.new(KEY.encode(), URL.encode() + BODY, hashlib.sha1).hexdigest()
    return SignedRequest({"X-SignalWire-Signature": digest}, BODY, URL)


def signalwire_strong() -> SignedRequest:
    digest = hexed(URL.encode() + BODY)
    return SignedRequest({"X-SignalWire-Sha256-Signature": digest}, BODY, URL)


def signalwire_form() -> SignedRequest:
    made = twilio_form()
    headers = {**FORM_TYPE, "X-SignalWire-Signature": made.header("x-twilio-signature")}
    return replace(made, headers=headers)


def telnyx() -> SignedRequest:
    signature = base64.b64encode(TELNYX.sign(f"{NOW_S}|".encode() + BODY)).decode()
    headers = {"Telnyx-Signature-Ed25519": signature, "Telnyx-Timestamp": str(NOW_S)}
    return SignedRequest(headers, BODY)


def vonage_token(**claims: object) -> str:
    stated = {"iat": NOW_S, "api_key": "abc", "payload_hash": hashlib.sha256(BODY).hexdigest()}
    return jwt.encode({**stated, **claims}, KEY, "HS256")


def vonage() -> SignedRequest:
    return SignedRequest({"Authorization": f"Bearer {vonage_token()}"}, BODY)


def vonage_contact_center() -> SignedRequest:
    return SignedRequest({"Vonage-Signature": vonage_token(exp=NOW_S + 300)}, BODY)


def dialpad() -> SignedRequest:
    return SignedRequest({}, jwt.encode({"call_id": 7, "state": "hangup"}, KEY, "HS256").encode())


def chatwoot() -> SignedRequest:
    signature = f"sha256={hexed(f'{NOW_S}.'.encode() + BODY)}"
    headers = {"X-Chatwoot-Signature": signature, "X-Chatwoot-Timestamp": str(NOW_S)}
    return SignedRequest(headers, BODY)


def didww() -> SignedRequest:
    signature = f"t={NOW_S},v1={hexed(f'{NOW_S}.'.encode() + BODY)}"
    return SignedRequest({"X-PS-Signature": signature, "X-PS-Event-Id": "evt_9"}, BODY)


def callrail() -> SignedRequest:
    digest = hmac.new(KEY.encode(), BODY, hashlib.sha1).digest()
    return SignedRequest({"Signature": base64.b64encode(digest).decode()}, BODY)


def callcall() -> SignedRequest:
    signature = hexed(f"{NOW_S}.".encode() + BODY)
    headers = {"x-callcall-signature": signature, "x-callcall-timestamp": str(NOW_S)}
    return SignedRequest(headers, BODY)


def basic() -> SignedRequest:
    packed = base64.b64encode(KEY.encode()).decode()
    return SignedRequest({"Authorization": f"Basic {packed}"}, BODY)


@dataclass(frozen=True)
class Case:
    """A request as its sender makes it, and what it is verified by."""

    preset: Preset
    make: Callable[[], SignedRequest]
    secret: str = KEY
    signs_body: bool = True


CASES = {
    "twilio form": Case(preset_of("twilio"), twilio_form),
    "twilio json": Case(preset_of("twilio"), twilio_json),
    "twilio shared key": Case(preset_of("twilio"), twilio_shared_key),
    "signalwire json": Case(preset_of("signalwire"), signalwire_json),
    "signalwire sha256": Case(preset_of("signalwire"), signalwire_strong),
    "signalwire form": Case(preset_of("signalwire"), signalwire_form),
    "telnyx": Case(preset_of("telnyx"), telnyx, TELNYX_PUBLIC),
    "vonage": Case(preset_of("vonage"), vonage),
    "vonage contact center": Case(preset_of("vonage"), vonage_contact_center),
    "dialpad": Case(preset_of("dialpad"), dialpad),
    "chatwoot": Case(preset_of("chatwoot"), chatwoot),
    "didww": Case(preset_of("didww"), didww),
    "callrail": Case(preset_of("callrail"), callrail),
    "callcall": Case(preset_of("callcall"), callcall),
    "unlimcall": Case(
        UnlimCall(header="x-hook"), lambda: SignedRequest({"X-Hook": hexed(BODY)}, BODY)
    ),
    "callmatrix": Case(
        preset_of("callmatrix"),
        lambda: SignedRequest({"x-callmatrix-signature": f"sha256={hexed(BODY)}"}, BODY),
    ),
    "hmac-sha256 in base64": Case(
        HmacSha256(header="x-sig"),
        lambda: SignedRequest(
            {"X-Sig": base64.b64encode(bytes.fromhex(hexed(BODY))).decode()}, BODY
        ),
    ),
    "aircall": Case(preset_of("aircall"), lambda: SignedRequest({}, BODY), signs_body=False),
    "basic": Case(preset_of("basic"), basic, signs_body=False),
    "token": Case(
        preset_of("token"),
        lambda: SignedRequest({"Authorization": f"Bearer {KEY}"}, BODY),
        signs_body=False,
    ),
    "token in the query": Case(
        SharedToken(query="t"),
        lambda: SignedRequest({}, BODY, f"{URL}&{urlencode({'t': KEY})}"),
        signs_body=False,
    ),
    "standard": Case(
        STANDARD,
        lambda: SignedRequest(
            sign(
                STANDARD,
                [make_secret(bytes(32))],
                event_id="evt_1",
                timestamp_s=NOW_S,
                body=BODY,
            ),
            BODY,
        ),
        make_secret(bytes(32)),
    ),
}
OTHER = {"telnyx": base64.b64encode(bytes(32)).decode(), "standard": make_secret(bytes(range(32)))}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def other(request: pytest.FixtureRequest, case: Case) -> str:
    """A secret of the same kind that signed nothing."""
    return OTHER.get(str(case.preset.__struct_config__.tag), "another key of enough length, for it")


def tried(case: Case, request: SignedRequest, *secrets: str, now_s: int = NOW_S) -> Verdict:
    return check(case.preset, secrets or (case.secret,), request, now_s=now_s)


def reason_of(verdict: Verdict) -> RejectReason:
    assert isinstance(verdict, Rejected)
    return verdict.reason


def test_what_the_sender_made_verifies(case: Case) -> None:
    assert isinstance(tried(case, case.make()), Verified)


def test_header_names_may_be_in_any_case(case: Case) -> None:
    made = case.make()
    for change in (str.upper, str.lower):
        headers = {change(name): value for name, value in made.headers.items()}
        assert isinstance(tried(case, replace(made, headers=headers)), Verified)


def test_either_of_two_secrets_is_enough(case: Case, other: str) -> None:
    assert isinstance(tried(case, case.make(), other, case.secret), Verified)
    assert isinstance(tried(case, case.make(), case.secret, other), Verified)


def test_another_secret_is_refused_and_never_shown(case: Case, other: str) -> None:
    verdict = tried(case, case.make(), other)
    assert reason_of(verdict) is RejectReason.MISMATCH
    assert isinstance(verdict, Rejected)
    assert other not in verdict.explanation
    assert case.secret not in verdict.explanation


def test_without_its_headers_and_body_nothing_verifies(case: Case) -> None:
    verdict = tried(case, SignedRequest({}, b"", URL))
    assert isinstance(verdict, Rejected)


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_without_a_secret_nothing_verifies(case: Case, secrets: tuple[str, ...]) -> None:
    verdict = check(case.preset, secrets, case.make(), now_s=NOW_S)
    assert reason_of(verdict) is RejectReason.UNUSABLE_KEY


@pytest.mark.parametrize("name", [name for name, it in CASES.items() if it.signs_body])
def test_an_altered_body_is_refused(name: str) -> None:
    made = CASES[name].make()
    for body in (made.body + b"x", made.body[:-1], b""):
        assert isinstance(tried(CASES[name], replace(made, body=body)), Rejected)


@pytest.mark.parametrize("name", ["telnyx", "vonage", "chatwoot", "didww", "callcall", "standard"])
def test_what_states_its_time_ages(name: str) -> None:
    made = CASES[name].make()
    assert isinstance(tried(CASES[name], made, now_s=NOW_S + 300), Verified)
    assert reason_of(tried(CASES[name], made, now_s=NOW_S + 301)) is RejectReason.TOO_OLD
    assert reason_of(tried(CASES[name], made, now_s=NOW_S - 301)) is RejectReason.TOO_NEW


@pytest.mark.parametrize("name", list(CASES))
@given(noise=st.binary(max_size=80), text=st.text(max_size=80))
def test_nothing_that_is_received_raises(name: str, noise: bytes, text: str) -> None:
    case, made = CASES[name], CASES[name].make()
    for spoiled in (
        replace(made, headers=dict.fromkeys(made.headers, text)),
        replace(made, body=noise),
        replace(made, url=f"https://{text}"),
        SignedRequest({"authorization": text, "signature": text}, noise, text),
    ):
        assert isinstance(tried(case, spoiled), Verified | Rejected)
        explain(case.preset, [case.secret], spoiled, now_s=NOW_S)


def test_every_preset_has_a_case() -> None:
    tested = {type(case.preset) for case in CASES.values()}
    assert set(get_args(Sender)) <= tested
    assert PRESETS.keys() >= {"standard", "standard-ed25519", "timestamped-hex", "none", "twilio"}


class TestTwilio:
    @given(fields=st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=6))
    def test_any_form_verifies_as_the_sdk_says(self, fields: dict[str, str]) -> None:
        body = urlencode(fields, errors="replace").encode()
        clean = {k.encode(errors="replace").decode(): v.encode(errors="replace").decode()
                 for k, v in fields.items()}  # fmt: skip
        validator = RequestValidator(KEY)
        signature = validator.compute_signature(URL, clean)
        assert validator.validate(URL, clean, signature)
        made = SignedRequest({**FORM_TYPE, "X-Twilio-Signature": signature}, body, URL)
        assert isinstance(check(preset_of("twilio"), [KEY], made, now_s=NOW_S), Verified)

    @pytest.mark.parametrize("signed", ["https://h.example:443/x", "https://h.example/x"])
    @pytest.mark.parametrize("received", ["https://h.example:443/x", "https://h.example/x"])
    def test_the_url_is_signed_with_or_without_its_port(self, signed: str, received: str) -> None:
        signature = RequestValidator(KEY).compute_signature(signed, {})
        assert RequestValidator(KEY).validate(received, {}, signature)
        made = SignedRequest({"X-Twilio-Signature": signature}, b"", received)
        assert isinstance(check(preset_of("twilio"), [KEY], made, now_s=NOW_S), Verified)

    def test_a_url_signed_without_a_hash_does_not_vouch_for_a_body(self) -> None:
        signature = RequestValidator(KEY).compute_signature(URL, {})
        made = SignedRequest({"X-Twilio-Signature": signature}, BODY, URL)
        assert isinstance(check(preset_of("twilio"), [KEY], made, now_s=NOW_S), Rejected)

    def test_an_algorithm_that_is_not_known_is_named(self) -> None:
        made = twilio_shared_key()
        headers = {**made.headers, "X-Twilio-Webhooks-Signature-Settings": "algorithm=HMAC_MD5"}
        verdict = check(preset_of("twilio"), [KEY], replace(made, headers=headers), now_s=NOW_S)
        assert reason_of(verdict) is RejectReason.OTHER_SCHEME

    def test_the_url_behind_a_proxy_is_proved_to_be_the_fault(self) -> None:
        made = replace(twilio_form(), url=URL.replace("https", "http"))
        found = explain(preset_of("twilio"), [KEY], made, now_s=NOW_S)
        assert found.reason is RejectReason.URL_DIFFERS
        assert URL in found.explanation


class TestTokens:
    def test_a_token_of_vonage_is_one_that_its_sdk_takes(self) -> None:
        assert verify_signature(vonage_token(iat=1), KEY)

    @pytest.mark.parametrize("bearer", ["bearer", "BEARER", "Bearer "])
    def test_the_name_of_a_bearer_token_is_read_in_any_case(self, bearer: str) -> None:
        made = SignedRequest({"Authorization": f"{bearer} {vonage_token()}"}, BODY)
        assert isinstance(check(preset_of("vonage"), [KEY], made, now_s=NOW_S), Verified)

    def test_an_expired_token_is_refused(self) -> None:
        made = SignedRequest({"Authorization": f"Bearer {vonage_token(exp=NOW_S)}"}, BODY)
        verdict = check(preset_of("vonage"), [KEY], made, now_s=NOW_S)
        assert reason_of(verdict) is RejectReason.TOO_OLD

    def test_a_token_that_signs_no_body_does_not_vouch_for_one(self) -> None:
        made = SignedRequest(
            {"Authorization": f"Bearer {jwt.encode({'iat': NOW_S}, KEY, 'HS256')}"}, BODY
        )
        verdict = check(preset_of("vonage"), [KEY], made, now_s=NOW_S)
        assert reason_of(verdict) is RejectReason.BODY_ALTERED

    def test_no_algorithm_but_the_one_is_taken(self) -> None:
        for token in (
            jwt.encode({"call_id": 7}, "", "none"),
            jwt.encode({"call_id": 7}, KEY * 2, "HS512"),
        ):
            verdict = check(
                preset_of("dialpad"), [KEY], SignedRequest({}, token.encode()), now_s=NOW_S
            )
            assert isinstance(verdict, Rejected)

    def test_the_event_in_a_body_that_is_a_token_comes_out(self) -> None:
        verdict = check(preset_of("dialpad"), [KEY], dialpad(), now_s=NOW_S)
        assert isinstance(verdict, Verified)
        assert json.loads(verdict.content or b"") == {"call_id": 7, "state": "hangup"}

    def test_a_body_that_is_not_signed_is_said_to_be_plain(self) -> None:
        verdict = check(preset_of("dialpad"), [KEY], SignedRequest({}, BODY), now_s=NOW_S)
        assert reason_of(verdict) is RejectReason.UNKNOWN_SIGNATURE


class TestOthers:
    def test_telnyx_s_sdk_agrees(self) -> None:
        pytest.importorskip("nacl")
        made = telnyx()
        verify_webhook_signature(made.body, made.headers, TELNYX_PUBLIC)

    @pytest.mark.skipif(not CALLRAIL_BODY.exists(), reason="the published body is not here")
    def test_callrail_s_published_vector(self) -> None:
        made = SignedRequest(
            {"Signature": "UZAHbUdfm3GqL7qzilGozGzWV64="}, CALLRAIL_BODY.read_bytes()
        )
        keys = ["072e77e426f92738a72fe23c4d1953b4"]
        at_s = 1_519_065_660  # 2018-02-19T13:41:00.236-05:00
        verdict = check(preset_of("callrail"), keys, made, now_s=at_s)
        assert verdict == Verified(None, at_s, 0)
        late = check(preset_of("callrail"), keys, made, now_s=NOW_S)
        assert reason_of(late) is RejectReason.TOO_OLD

    def test_an_id_in_a_header_that_is_not_signed_is_not_told(self) -> None:
        verdict = check(preset_of("didww"), [KEY], didww(), now_s=NOW_S)
        assert isinstance(verdict, Verified)
        assert verdict.event_id is None

    @pytest.mark.parametrize("age_s", [0, 5])
    def test_callcall_reads_what_timestamped_hex_writes_while_secrets_are_rotated(
        self, age_s: int
    ) -> None:
        ours, at_s = TimestampedHex("x-callcall"), NOW_S - age_s
        headers = sign(ours, ["new " + KEY, KEY], event_id="e", timestamp_s=at_s, body=BODY)
        assert headers["x-callcall-signature"].count(",") == 1
        for secret in (KEY, "new " + KEY):
            made = SignedRequest(headers, BODY)
            verdict = check(preset_of("callcall"), [secret], made, now_s=NOW_S)
            assert verdict == Verified(None, at_s, age_s)
        other = check(preset_of("callcall"), ["another"], SignedRequest(headers, BODY), now_s=NOW_S)
        assert reason_of(other) is RejectReason.MISMATCH

    def test_of_many_signatures_no_more_are_read_than_any_rotation_needs(self) -> None:
        signature = ",".join(["0" * 64] * 100 + [hexed(BODY)])
        made = SignedRequest({"x-signature": signature}, BODY)
        verdict = check(preset_of("hmac-sha256"), [KEY], made, now_s=NOW_S)
        assert reason_of(verdict) is RejectReason.MISMATCH


class TestNames:
    @pytest.mark.parametrize(
        ("name", "options", "told"),
        [
            ("twillio", {}, "twilio"),
            ("standard", {"header": "x-a"}, "hmac-sha256"),
            ("unlimcall", {"header": "X Y"}, "'X Y'"),
            ("twilio", {"colour": "red"}, "colour"),
        ],
    )
    def test_what_is_not_known_is_named(
        self, name: str, options: dict[str, str], told: str
    ) -> None:
        with pytest.raises(Invalid, match=told):
            preset_of(name, **options)

    def test_ours_are_verified_by_name_too(self) -> None:
        assert preset_of("standard") == STANDARD
        assert preset_of("standard-ed25519") == STANDARD_ED25519
        assert preset_of("timestamped-hex", prefix="x-a") == TimestampedHex("x-a")

    def test_a_request_of_another_sender_is_recognised(self) -> None:
        found = explain(preset_of("chatwoot"), [KEY], twilio_form(), now_s=NOW_S)
        assert found.reason is RejectReason.OTHER_SCHEME
        assert "twilio" in found.explanation
