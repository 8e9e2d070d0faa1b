"""A token opens what it was made for, for a minute, and nothing else can be made of it."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.api.problems import Unauthorized
from offhook.api.stream.tokens import StreamGrant, seal, unseal
from offhook.model.ids import AccountId

SECRET = bytes(range(32))
UNTIL_MS = 60_000
GRANT = StreamGrant(AccountId("acc_1"), "read", ("call.*",), "call_1")

GRANTS = st.builds(
    StreamGrant,
    st.text(max_size=30).map(AccountId),
    st.sampled_from(["read", "admin"]),
    st.none() | st.lists(st.text(max_size=20), max_size=3).map(tuple),
    st.none() | st.text(max_size=30),
)


@given(GRANTS)
def test_the_grant_comes_back(grant: StreamGrant) -> None:
    assert unseal(seal(grant, SECRET, UNTIL_MS), SECRET, UNTIL_MS - 1) == grant


def test_it_expires_on_the_millisecond() -> None:
    token = seal(GRANT, SECRET, UNTIL_MS)
    assert unseal(token, SECRET, UNTIL_MS - 1) == GRANT
    with pytest.raises(Unauthorized, match="expired"):
        unseal(token, SECRET, UNTIL_MS)


def test_another_installation_did_not_sign_it() -> None:
    with pytest.raises(Unauthorized, match="not one of ours"):
        unseal(seal(GRANT, SECRET, UNTIL_MS), bytes(32), 0)


@given(st.data())
def test_one_bit_changed_is_refused(data: st.DataObject) -> None:
    prefix, _, text = seal(GRANT, SECRET, UNTIL_MS).rpartition("_stream_")
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    changed = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    with pytest.raises(Unauthorized):
        unseal(f"{prefix}_stream_{changed}", SECRET, 0)


@given(st.text(max_size=80) | st.text(max_size=80).map(lambda text: "ofh_stream_" + text))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Unauthorized):
        unseal(text, SECRET, 0)


def test_what_a_key_signs_for_other_ends_is_no_token() -> None:
    """The signature says what it is for."""
    token = seal(GRANT, SECRET, UNTIL_MS)
    text = token.removeprefix("ofh_stream_")
    packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))[32:]
    signed = hmac.digest(SECRET, packed, "sha256") + packed
    forged = "ofh_stream_" + base64.urlsafe_b64encode(signed).decode().rstrip("=")
    with pytest.raises(Unauthorized):
        unseal(forged, SECRET, 0)
