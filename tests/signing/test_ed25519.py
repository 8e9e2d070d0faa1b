"""The asymmetric scheme: published vectors, and what the public key alone can tell."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from offhook.model.errors import Invalid
from offhook.signing import (
    STANDARD,
    STANDARD_ED25519,
    Rejected,
    RejectReason,
    SignedRequest,
    Verified,
    check_secret,
    explain,
    make_secret,
    sign,
    verify,
)
from offhook.signing.ed25519 import jwk_of, private_key, public_key

NOW_S = 1_800_000_000
# RFC 8032, 7.1, test 2 (the key) and test 1 (the key of RFC 8037, A.3).
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNED_72 = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
JWK_X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
SECRET = make_secret(SEED, STANDARD_ED25519)
NEXT = make_secret(bytes(32), STANDARD_ED25519)
BODY = b'{"id":"evt_1"}'


def signed(*secrets: str) -> dict[str, str]:
    return sign(STANDARD_ED25519, secrets, event_id="evt_1", timestamp_s=NOW_S, body=BODY)


def test_a_secret_is_the_seed_of_rfc_8032() -> None:
    assert private_key(SECRET).sign(b"\x72").hex() == SIGNED_72
    assert public_key(SECRET) == "whpk_" + base64.b64encode(PUBLIC).decode()


def test_a_public_key_is_the_web_key_of_rfc_8037() -> None:
    raw = base64.urlsafe_b64decode(JWK_X + "=")
    jwk = jwk_of("whpk_" + base64.b64encode(raw).decode())
    assert (jwk.x, jwk.kid) == (JWK_X, THUMBPRINT)
    assert (jwk.kty, jwk.crv, jwk.alg, jwk.use) == ("OKP", "Ed25519", "EdDSA", "sig")


def test_what_is_signed_is_id_timestamp_and_body() -> None:
    headers = signed(SECRET)
    version, _, signature = headers["webhook-signature"].partition(",")
    content = f"evt_1.{NOW_S}.".encode() + BODY
    assert version == "v1a"
    key = Ed25519PublicKey.from_public_bytes(PUBLIC)
    key.verify(base64.b64decode(signature), content)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature), content + b"x")


@pytest.mark.parametrize("given", [SECRET, public_key(SECRET), NEXT, public_key(NEXT)])
def test_during_a_rotation_either_key_verifies_by_its_public_part(given: str) -> None:
    headers = signed(NEXT, SECRET)
    assert headers["webhook-signature"].count("v1a,") == 2
    verdict = verify(STANDARD_ED25519, [given], headers=headers, body=BODY, now_s=NOW_S)
    assert verdict == Verified("evt_1", NOW_S, 0)


def test_another_key_another_body_and_another_time_do_not_verify() -> None:
    public = [public_key(NEXT)]
    for secrets, body, now_s, reason in (
        (public, BODY, NOW_S, RejectReason.MISMATCH),
        ([SECRET], b"{}", NOW_S, RejectReason.MISMATCH),
        ([SECRET], BODY, NOW_S + 301, RejectReason.TOO_OLD),
    ):
        verdict = verify(STANDARD_ED25519, secrets, headers=signed(SECRET), body=body, now_s=now_s)
        assert isinstance(verdict, Rejected)
        assert verdict.reason is reason


@pytest.mark.parametrize(
    "entry", ["v1a,", "v1a,AAAA", "v1a,%%%", "v1,AAAA", "", "v1a," + "A" * 88, "v1a"]
)
def test_what_is_no_signature_is_told_and_never_raises(entry: str) -> None:
    headers = signed(SECRET) | {"webhook-signature": entry}
    verdict = verify(STANDARD_ED25519, [SECRET], headers=headers, body=BODY, now_s=NOW_S)
    assert isinstance(verdict, Rejected)


def test_an_altered_body_is_proved_with_the_public_key_alone() -> None:
    request = SignedRequest(signed(SECRET), BODY + b"\n")
    found = explain(STANDARD_ED25519, [public_key(SECRET)], request, now_s=NOW_S)
    assert found.reason is RejectReason.BODY_ALTERED


@pytest.mark.parametrize(
    "secret",
    ["whsk_", "whsk_AAAA", "whsk_%%", public_key(SECRET), make_secret(bytes(32)), SECRET[5:]],
)
def test_what_is_no_private_key_cannot_sign(secret: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_secret(secret, STANDARD_ED25519)
    assert secret[5:] == "" or secret[5:] not in refused.value.detail


def test_a_private_key_is_not_used_as_a_shared_secret() -> None:
    with pytest.raises(Invalid):
        check_secret(SECRET, STANDARD)
