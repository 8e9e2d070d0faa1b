"""Verifying a request, of Offhook or of another sender: a request in, a verdict or an event out."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from offhook.clock import Clock, SystemClock
from offhook.model.errors import OffhookError
from offhook.receiver.envelope import query_of, wrapped
from offhook.receiver.event import Event, parse_event
from offhook.receiver.naming import Naming, naming_of
from offhook.signing import (
    STANDARD,
    Rejected,
    RejectReason,
    Scheme,
    SignedRequest,
    StandardEd25519,
    Unsigned,
    Verdict,
    Verified,
    check_secret,
    verify,
)
from offhook.signing.ed25519 import public_bytes
from offhook.signing.presets import Preset, Sender, check, preset_of
from offhook.signing.verify import DEFAULT_TOLERANCE_S


class SignatureError(OffhookError):
    """The request is not signed as it must be: answer 401 and do nothing else with it."""

    code = "invalid_signature"

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(rejected.explanation)
        self.reason: RejectReason = rejected.reason
        self.skew_s = rejected.skew_s


class Verifier:
    """Verifies the requests of one sender: of Offhook, or of any that has a preset.

    ``preset`` is a name (``"standard"``, ``"twilio"``, ...) or a value with options, such as
    ``UnlimCall(header="x-hook-signature")``. Give both secrets while one takes over from the other.
    ``naming`` says where another sender names event, type and key, if not where its preset has it.
    ``Invalid`` if there is no such preset, or if a secret cannot be one of it.
    """

    def __init__(
        self,
        secrets: str | Sequence[str],
        preset: Preset | str = STANDARD,
        *,
        clock: Clock | None = None,
        tolerance_s: int = DEFAULT_TOLERANCE_S,
        naming: Naming | None = None,
    ) -> None:
        self._secrets = (secrets,) if isinstance(secrets, str) else tuple(secrets)
        self._preset = preset_of(preset) if isinstance(preset, str) else preset
        self._clock = clock or SystemClock()
        self._tolerance_s = tolerance_s
        self._naming = naming or Naming()
        _check_secrets(self._preset, self._secrets)

    def verify(self, request: SignedRequest) -> Verdict:
        """Whether one of the secrets signed it, and it is fresh. Never raises."""
        return check(
            self._preset,
            self._secrets,
            request,
            now_s=int(self._clock.now().timestamp()),
            tolerance_s=self._tolerance_s,
        )

    def event(self, request: SignedRequest, verified: Verified) -> Event:
        """The event that a verified request holds: Offhook's as it is, else what the sender says
        as the ``data`` of one. ``Unreadable`` if Offhook's is none."""
        sender = self._preset
        if isinstance(sender, Sender):
            return wrapped(request, verified, sender, self._naming.over(naming_of(sender)))
        event = parse_event(request.body, verified.event_id)
        return msgspec.structs.replace(event, query=query_of(request))


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


def _check_secrets(preset: Preset, secrets: Sequence[str]) -> None:
    """A server that would refuse everything should not start."""
    if isinstance(preset, Unsigned):
        return
    if not secrets or not all(secrets):
        raise ValueError("secrets is empty; give the one that the sender signs with")
    if isinstance(preset, StandardEd25519):
        for secret in secrets:
            public_bytes(secret, "secrets")
    elif not isinstance(preset, Sender):
        for secret in secrets:
            check_secret(secret, preset, "secrets")
