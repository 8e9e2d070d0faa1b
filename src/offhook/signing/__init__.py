"""Signing: schemes that sign requests, verify them, and explain why one does not verify. Pure."""

from offhook.signing.explain import Explanation, explain
from offhook.signing.request import SignedRequest
from offhook.signing.schemes import (
    STANDARD,
    STANDARD_ED25519,
    Scheme,
    Standard,
    StandardEd25519,
    TimestampedHex,
    Unsigned,
)
from offhook.signing.secret import Secret, check_secret, make_secret
from offhook.signing.sign import Signer, sign, signer_for
from offhook.signing.verdict import Rejected, RejectReason, Verdict, Verified
from offhook.signing.verify import verify

__all__ = [
    "STANDARD",
    "STANDARD_ED25519",
    "Explanation",
    "RejectReason",
    "Rejected",
    "Scheme",
    "Secret",
    "SignedRequest",
    "Signer",
    "Standard",
    "StandardEd25519",
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
