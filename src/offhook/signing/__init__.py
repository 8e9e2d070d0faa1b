"""Signing: schemes that sign requests, verify them, and explain why one does not verify. Pure."""

from offhook.signing.explain import Explanation, explain
from offhook.signing.schemes import STANDARD, Scheme, Standard, TimestampedHex, Unsigned
from offhook.signing.secret import check_secret, make_secret
from offhook.signing.sign import Signer, sign, signer_for
from offhook.signing.verdict import Rejected, RejectReason, Verdict, Verified
from offhook.signing.verify import verify

__all__ = [
    "STANDARD",
    "Explanation",
    "RejectReason",
    "Rejected",
    "Scheme",
    "Signer",
    "Standard",
    "TimestampedHex",
    "Unsigned",
    "Verdict",
    "Verified",
    "check_secret",
    "explain",
    "make_secret",
    "sign",
    "signer_for",
    "verify",
]
