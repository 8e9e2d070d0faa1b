"""Several secrets: each signs until its own end, to the millisecond, and a rotation breaks no
promise that was made before."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from offhook.model.errors import Conflict
from offhook.signing import (
    STANDARD,
    STANDARD_ED25519,
    Scheme,
    Secret,
    TimestampedHex,
    Verified,
    make_secret,
    signer_for,
    verify,
)
from offhook.signing.secret import MOST_VALID, rotated

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
BODY = b'{"id":"evt_1"}'
HEX = TimestampedHex("x-callcall")


def secret(number: int, scheme: Scheme = STANDARD) -> str:
    return make_secret(number.to_bytes(32, "big"), scheme)


@pytest.mark.parametrize("scheme", [STANDARD, STANDARD_ED25519, HEX])
def test_a_secret_signs_until_its_end_and_not_after(scheme: Scheme) -> None:
    new, old = secret(1, scheme), secret(2, scheme)
    signer = signer_for(scheme, [Secret(new), Secret(old, NOW_MS + HOUR_MS)])
    for now_ms, by_old in (
        (NOW_MS, True),
        (NOW_MS + HOUR_MS - 1, True),
        (NOW_MS + HOUR_MS, False),
        (NOW_MS + 9 * HOUR_MS, False),
    ):
        headers = signer.headers("evt_1", now_ms, BODY)
        for given_secret, expected in ((new, True), (old, by_old)):
            verdict = verify(
                scheme, [given_secret], headers=headers, body=BODY, now_s=now_ms // 1000
            )
            assert isinstance(verdict, Verified) is expected


def test_the_time_is_that_of_the_request_and_not_of_the_signer() -> None:
    signer = signer_for(STANDARD, [Secret(secret(1))])
    assert signer.headers("e", 1_999, b"")["webhook-timestamp"] == "1"
    assert signer.headers("e", 2_000, b"")["webhook-timestamp"] == "2"


def test_the_one_before_is_kept_for_the_overlap_and_earlier_ones_as_promised() -> None:
    first = (Secret(secret(1)),)
    second = rotated(first, secret(2), now_ms=NOW_MS, overlap_ms=24 * HOUR_MS)
    assert second == (Secret(secret(2)), Secret(secret(1), NOW_MS + 24 * HOUR_MS))
    third = rotated(second, secret(3), now_ms=NOW_MS + HOUR_MS, overlap_ms=HOUR_MS)
    assert third == (
        Secret(secret(3)),
        Secret(secret(1), NOW_MS + 24 * HOUR_MS),
        Secret(secret(2), NOW_MS + 2 * HOUR_MS),
    )
    last = rotated(third, secret(4), now_ms=NOW_MS + 24 * HOUR_MS, overlap_ms=0)
    assert last == (Secret(secret(4)),)


def test_going_back_to_a_secret_makes_it_the_one_in_force() -> None:
    second = rotated([Secret(secret(1))], secret(2), now_ms=NOW_MS, overlap_ms=HOUR_MS)
    back = rotated(second, secret(1), now_ms=NOW_MS + 1, overlap_ms=HOUR_MS)
    assert back == (Secret(secret(1)), Secret(secret(2), NOW_MS + 1 + HOUR_MS))


def test_the_present_secret_is_no_new_one() -> None:
    with pytest.raises(Conflict) as refused:
        rotated([Secret(secret(1))], secret(1), now_ms=NOW_MS, overlap_ms=HOUR_MS)
    assert secret(1) not in refused.value.detail


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 40 * HOUR_MS), st.integers(0, 168 * HOUR_MS)), max_size=25
    )
)
def test_no_rotation_shortens_what_was_promised_and_no_more_than_ten_sign(
    steps: list[tuple[int, int]],
) -> None:
    held: tuple[Secret, ...] = (Secret(secret(0)),)
    now_ms = NOW_MS
    promised: dict[str, int] = {}
    for number, (passed_ms, overlap_ms) in enumerate(steps, 1):
        now_ms += passed_ms
        before = held[0].text
        try:
            held = rotated(held, secret(number), now_ms=now_ms, overlap_ms=overlap_ms)
        except Conflict:
            assert sum(it.valid(now_ms) for it in held) >= MOST_VALID
            continue
        promised[before] = now_ms + overlap_ms
        ends = {it.text: it.expires_ms for it in held[1:]}
        assert ends == {text: end for text, end in promised.items() if end > now_ms}
        assert held[0] == Secret(secret(number))
        assert len(held) <= MOST_VALID


def test_a_secret_is_not_shown_by_what_holds_it() -> None:
    assert secret(1) not in repr(Secret(secret(1), 5))
