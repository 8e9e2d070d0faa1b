"""A secret that a scheme cannot use is refused with the remedy and without the secret."""

import base64

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from offhook.model.errors import Invalid
from offhook.signing import STANDARD, Scheme, TimestampedHex, Unsigned, check_secret, make_secret


@given(st.binary(min_size=24, max_size=64))
def test_made_secrets_pass_the_check_with_and_without_prefix_and_padding(entropy: bytes) -> None:
    secret = make_secret(entropy)
    check_secret(secret)
    check_secret(secret.removeprefix("whsec_"))
    check_secret(secret.rstrip("="))
    assert base64.b64decode(secret.removeprefix("whsec_")) == entropy


@pytest.mark.parametrize("size", [0, 23, 65])
def test_too_few_or_too_many_bytes_make_no_secret(size: int) -> None:
    with pytest.raises(ValueError, match=f"not {size}"):
        make_secret(bytes(size))


@pytest.mark.parametrize(
    ("secret", "part"),
    [
        ("whsec_", "empty"),
        ("whsec_" + "A" * 30 + "!!", "not base64"),
        ("whsec_" + "é" * 32, "not base64"),
        ("whsec_" + "A" * 5, "not base64"),
        (base64.b64encode(bytes(23)).decode(), "23 bytes"),
        (base64.b64encode(bytes(65)).decode(), "65 bytes"),
    ],
)
def test_a_bad_standard_secret_is_refused_without_repeating_it(secret: str, part: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_secret(secret)
    (error,) = caught.value.errors
    assert error.path == "body.secret"
    assert part in error.message
    assert "whsec_" in error.message
    assert secret.removeprefix("whsec_") == "" or secret not in caught.value.detail


@pytest.mark.parametrize("secret", ["x" * 16, "x" * 256, "pässwörter aller Art"])
def test_timestamped_hex_takes_any_printable_text(secret: str) -> None:
    check_secret(secret, TimestampedHex())


@pytest.mark.parametrize("secret", ["", "x" * 15, "x" * 257, "x" * 16 + "\n"])
def test_timestamped_hex_refuses_short_long_and_unprintable_text(secret: str) -> None:
    with pytest.raises(Invalid, match="16 to 256"):
        check_secret(secret, TimestampedHex())


def test_scheme_none_asks_nothing_of_a_secret_but_that_it_is_one() -> None:
    check_secret("x", Unsigned())
    with pytest.raises(Invalid, match="leave it out"):
        check_secret("", Unsigned())


@pytest.mark.parametrize(
    ("document", "scheme"),
    [
        (b'{"scheme":"standard"}', STANDARD),
        (b'{"scheme":"timestamped-hex","prefix":"x-callcall"}', TimestampedHex("x-callcall")),
        (b'{"scheme":"none"}', Unsigned()),
    ],
)
def test_schemes_decode_from_a_webhooks_document(document: bytes, scheme: Scheme) -> None:
    assert msgspec.json.decode(document, type=Scheme) == scheme


@pytest.mark.parametrize("prefix", ["", "x callcall", "x:y", "X-Callcall", "x\n", "a" * 65])
def test_a_prefix_that_makes_no_header_name_is_refused(prefix: str) -> None:
    document = {"scheme": "timestamped-hex", "prefix": prefix}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, Scheme)
