"""Each way a request can fail to verify gets its own reason, and a sentence that helps."""

import pytest

from offhook.signing import (
    STANDARD,
    Rejected,
    RejectReason,
    Scheme,
    TimestampedHex,
    Unsigned,
    Verified,
    make_secret,
    sign,
    verify,
)

NOW_S = 1_800_000_000
SECRET = make_secret(bytes(32))
OTHER = make_secret(bytes(range(32)))
BODY = b'{"id":"evt_1"}'
HEX = TimestampedHex("x-callcall")


def headers_of(scheme: Scheme = STANDARD, timestamp_s: int = NOW_S) -> dict[str, str]:
    return sign(scheme, [SECRET], event_id="evt_1", timestamp_s=timestamp_s, body=BODY)


def rejected(
    headers: dict[str, str], scheme: Scheme = STANDARD, secret: str = SECRET, body: bytes = BODY
) -> Rejected:
    verdict = verify(scheme, [secret], headers=headers, body=body, now_s=NOW_S)
    assert isinstance(verdict, Rejected)
    return verdict


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("gone", [True, False], ids=["missing", "empty"])
def test_a_missing_header_is_named(name: str, gone: bool) -> None:
    headers = headers_of() | {name: ""}
    if gone:
        del headers[name]
    verdict = rejected(headers)
    assert verdict.reason is RejectReason.MISSING_HEADER
    assert name in verdict.explanation


def test_all_missing_headers_are_named_at_once() -> None:
    verdict = rejected({}, HEX)
    assert "x-callcall-timestamp and x-callcall-signature are missing" in verdict.explanation


@pytest.mark.parametrize(
    "timestamp", ["now", "-5", "1.5", "1_000", " 17", "١٢٣", "9" * 5000, "1800000000000"]
)
def test_a_timestamp_that_is_no_unix_time_is_quoted(timestamp: str) -> None:
    verdict = rejected(headers_of() | {"webhook-timestamp": timestamp})
    assert verdict.reason is RejectReason.MALFORMED_TIMESTAMP
    assert repr(timestamp[:40]) in verdict.explanation
    assert ("milliseconds" in verdict.explanation) == (len(timestamp) == 13)


@pytest.mark.parametrize("scheme", [STANDARD, HEX])
@pytest.mark.parametrize(
    ("age_s", "reason"),
    [
        (301, RejectReason.TOO_OLD),
        (300, None),
        (-300, None),
        (-301, RejectReason.TOO_NEW),
    ],
)
def test_five_minutes_of_skew_are_allowed_either_way(
    scheme: Scheme, age_s: int, reason: RejectReason | None
) -> None:
    headers = headers_of(scheme, NOW_S - age_s)
    verdict = verify(scheme, [SECRET], headers=headers, body=BODY, now_s=NOW_S)
    assert verdict.skew_s == age_s
    if reason is None:
        assert isinstance(verdict, Verified)
    else:
        assert isinstance(verdict, Rejected)
        assert verdict.reason is reason
        assert "301 s" in verdict.explanation


def test_a_wrong_signature_is_not_excused_by_its_age() -> None:
    verdict = rejected(headers_of(timestamp_s=NOW_S - 9999), secret=OTHER)
    assert verdict.reason is RejectReason.MISMATCH
    assert verdict.skew_s == 9999


@pytest.mark.parametrize(
    ("scheme", "value", "reason"),
    [
        (STANDARD, "v2,abcd", RejectReason.UNKNOWN_SIGNATURE),
        (STANDARD, "sha256=00ff", RejectReason.UNKNOWN_SIGNATURE),
        (STANDARD, "v1,%%%%", RejectReason.MALFORMED_SIGNATURE),
        (STANDARD, "v1,", RejectReason.MALFORMED_SIGNATURE),
        (STANDARD, "v1,AAAA", RejectReason.MALFORMED_SIGNATURE),
        (STANDARD, "v1,\u20ac\ud800", RejectReason.MALFORMED_SIGNATURE),
        (HEX, "sha256=00ff", RejectReason.UNKNOWN_SIGNATURE),
        (HEX, " ", RejectReason.UNKNOWN_SIGNATURE),
        (HEX, "00ff", RejectReason.MALFORMED_SIGNATURE),
        (HEX, "0" * 64, RejectReason.MISMATCH),
    ],
)
def test_what_is_wrong_with_the_signature_header_is_told(
    scheme: TimestampedHex, value: str, reason: RejectReason
) -> None:
    name = "webhook-signature" if scheme is STANDARD else "x-callcall-signature"
    assert rejected(headers_of(scheme) | {name: value}, scheme).reason is reason


def test_a_signature_of_another_version_beside_ours_does_no_harm() -> None:
    headers = headers_of()
    headers["webhook-signature"] = "v1a,AAAA v1,BBBB " + headers["webhook-signature"]
    verdict = verify(STANDARD, [SECRET], headers=headers, body=BODY, now_s=NOW_S)
    assert isinstance(verdict, Verified)


def test_hexadecimal_is_read_in_either_case() -> None:
    headers = {name.upper(): value.upper() for name, value in headers_of(HEX).items()}
    verdict = verify(HEX, [SECRET], headers=headers, body=BODY, now_s=NOW_S)
    assert verdict == Verified(None, NOW_S, 0)


def test_only_so_many_entries_are_looked_at() -> None:
    headers = headers_of()
    headers["webhook-signature"] = "v1,AAAA " * 16 + headers["webhook-signature"]
    assert rejected(headers).reason is RejectReason.MALFORMED_SIGNATURE


@pytest.mark.parametrize("secrets", [[], ["whsec_%%"], [""]])
def test_a_secret_that_cannot_be_a_key_is_told_from_a_wrong_one(secrets: list[str]) -> None:
    verdict = verify(STANDARD, secrets, headers=headers_of(), body=BODY, now_s=NOW_S)
    assert isinstance(verdict, Rejected)
    assert verdict.reason is RejectReason.UNUSABLE_KEY


def test_scheme_none_lets_everything_pass() -> None:
    assert verify(Unsigned(), [], headers={}, body=BODY, now_s=NOW_S) == Verified(None, None, None)
