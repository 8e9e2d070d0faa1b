"""Rejections in words: each says what is wrong and what to check, and never holds a secret."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from offhook.signing.request import Trial
from offhook.signing.verdict import Rejected, RejectReason, Verdict, Verified

LONGEST_SHOWN = 60


def missing(*names: str, remedy: str = "") -> Rejected:
    """These headers, or other parts of the request, are not there."""
    listed = " and ".join(names)
    be = "is" if len(names) == 1 else "are"
    return Rejected(
        RejectReason.MISSING_HEADER,
        f"{listed} {be} missing. Check that the request was signed by this scheme, and that no "
        f"proxy on the way drops headers.{remedy and ' '}{remedy}",
    )


def unusable(text: str) -> Rejected:
    """What is given to verify with cannot be used."""
    return Rejected(RejectReason.UNUSABLE_KEY, text)


def no_secret() -> Rejected:
    """There is nothing to verify with."""
    return unusable("No secret to verify with; give the one that the sender signs with.")


def read_unix_s(name: str, value: str) -> int | Rejected:
    """The Unix seconds that a header says, or why it does not."""
    if value.isascii() and value.isdigit() and len(value) <= 11:
        return int(value)
    hint = " It looks like milliseconds." if value.isdigit() and len(value) == 13 else ""
    return Rejected(
        RejectReason.MALFORMED_TIMESTAMP,
        f"{name} is {value[:40]!r}; it must be Unix seconds, in digits alone.{hint}",
    )


def malformed(name: str, value: str, remedy: str) -> Rejected:
    """A header cannot be a signature of this scheme."""
    return Rejected(
        RejectReason.MALFORMED_SIGNATURE, f"{name} is {value[:LONGEST_SHOWN]!r}; {remedy}"
    )


def mismatch(of_what: str, skew_s: int | None = None, remedy: str = "") -> Rejected:
    """The signature is well formed, and no secret makes it."""
    return Rejected(
        RejectReason.MISMATCH,
        f"The signature is well formed, but no secret given makes it for this {of_what}. Check "
        "that the secret is this endpoint's own, and that the bytes verified are those received, "
        f"before any parsing.{remedy and ' '}{remedy}",
        skew_s,
    )


def wrong_secret(what: str) -> Rejected:
    """A secret was sent along, and it is another one."""
    return Rejected(
        RejectReason.MISMATCH,
        f"{what} is not one of the secrets given. Check that it is the one that the sender was "
        "told, without white space around it.",
    )


def judged(verified: Verified, tolerance_s: int) -> Verdict:
    """A right signature, unless its time is too far from now."""
    skew_s = verified.skew_s
    if skew_s is None or abs(skew_s) <= tolerance_s:
        return verified
    reason, where = (
        (RejectReason.TOO_OLD, "old") if skew_s > 0 else (RejectReason.TOO_NEW, "in the future")
    )
    return Rejected(
        reason,
        f"The signature is right, but its timestamp is {abs(skew_s)} s {where}; {tolerance_s} s "
        "are allowed. Compare the clocks of both machines, or it is an old request sent again.",
        skew_s,
    )


def signed_at(trial: Trial, timestamp_s: int | None) -> Verdict:
    """A right signature made at that time; ``None`` where the sender does not say when."""
    skew_s = None if timestamp_s is None else trial.now_s - timestamp_s
    return judged(Verified(None, timestamp_s, skew_s), trial.tolerance_s)


def keyed(secrets: Sequence[str]) -> Rejected | None:
    """Why these secrets cannot verify anything: none is there, or one is empty."""
    return None if secrets and all(secrets) else no_secret()


def located(url: str) -> Rejected | None:
    """Why this can be no address that anyone called; none at all may be given."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        return Rejected(
            RejectReason.URL_DIFFERS,
            f"The URL {url[:LONGEST_SHOWN]!r} cannot be read; give the public one, as the sender "
            "called it.",
        )
    return None
