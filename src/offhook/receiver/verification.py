"""Verifying a request in one's own web framework: headers and body in, a typed event out."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from offhook.clock import SystemClock
from offhook.model.errors import OffhookError
from offhook.receiver.event import Event, parse_event
from offhook.signing import STANDARD, Rejected, RejectReason, Scheme, verify


class SignatureError(OffhookError):
    """The request is not signed as it must be: answer 401 and do nothing else with it."""

    code = "invalid_signature"

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(rejected.explanation)
        self.reason: RejectReason = rejected.reason
        self.skew_s = rejected.skew_s


def verify_request(
    headers: Mapping[str, str],
    body: bytes,
    secrets: str | Sequence[str],
    scheme: Scheme = STANDARD,
    *,
    now: datetime | None = None,
) -> Event:
    """The event of a signed request. ``body`` must be the bytes as received, before any parsing.

    Give both secrets while one takes over from the other. ``SignatureError`` if none of them made
    the signature or it is more than five minutes off; ``Unreadable`` if the body is no event.
    """
    verdict = verify(
        scheme,
        [secrets] if isinstance(secrets, str) else secrets,
        headers=headers,
        body=body,
        now_s=int((now or SystemClock().now()).timestamp()),
    )
    if isinstance(verdict, Rejected):
        raise SignatureError(verdict)
    return parse_event(body, verdict.event_id)
