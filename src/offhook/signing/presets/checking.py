"""Verifying a request by any preset, ours and other senders'."""

from collections.abc import Callable, Sequence

import msgspec

from offhook.model.errors import FieldError, Invalid
from offhook.signing.presets import hmacs, jwts, keys, tokens, twilio
from offhook.signing.presets.values import (
    PRESETS,
    Aircall,
    BasicAuth,
    CallRail,
    Chatwoot,
    Dialpad,
    Didww,
    HmacSha256,
    Preset,
    Sender,
    SharedToken,
    SignalWire,
    Telnyx,
    Twilio,
    Vonage,
)
from offhook.signing.reasons import keyed, located
from offhook.signing.request import SignedRequest, Trial
from offhook.signing.schemes import Standard, StandardEd25519, TimestampedHex, Unsigned
from offhook.signing.verdict import Verdict
from offhook.signing.verify import DEFAULT_TOLERANCE_S, verify


def preset_of(name: str, /, **options: object) -> Preset:
    """The preset of this name, with its options; ``Invalid`` if there is none, or it has none of
    these."""
    known = PRESETS.get(name)
    if known is None:
        listed = ", ".join(sorted(PRESETS))
        raise Invalid(
            f"scheme is {name[:60]!r}; it must be one of {listed}.",
            FieldError("scheme", f"is none of {listed}"),
        )
    for option, value in options.items():
        _check_option(name, known, option, value)
    return msgspec.convert({"scheme": name, **options}, known)


def check(
    preset: Preset,
    secrets: Sequence[str],
    request: SignedRequest,
    *,
    now_s: int,
    tolerance_s: int = DEFAULT_TOLERANCE_S,
) -> Verdict:
    """Verify a request by each of the secrets. ``tolerance_s`` is how far its time may be from now,
    where the sender states one."""
    match preset:
        case Standard() | StandardEd25519() | TimestampedHex() | Unsigned():
            return verify(
                preset,
                secrets,
                headers=request.headers,
                body=request.body,
                now_s=now_s,
                tolerance_s=tolerance_s,
            )
        case _:
            trial = Trial(request, secrets, now_s, tolerance_s)
            return keyed(secrets) or located(request.url) or _check_sender(preset, trial)


_CHECKS: dict[type[Sender], Callable[[Trial], Verdict]] = {
    CallRail: hmacs.callrail,
    Chatwoot: hmacs.chatwoot,
    Didww: hmacs.didww,
    Twilio: twilio.twilio,
    SignalWire: twilio.signalwire,
    Telnyx: keys.telnyx,
    Vonage: jwts.vonage,
    Dialpad: jwts.dialpad,
    Aircall: tokens.aircall,
    BasicAuth: tokens.basic,
}


def _check_sender(sender: Sender, trial: Trial) -> Verdict:
    match sender:
        case HmacSha256():
            return hmacs.hmac_sha256(sender, trial)
        case SharedToken():
            return tokens.token(sender, trial)
        case _:
            return _CHECKS[type(sender)](trial)


def _check_option(name: str, known: type[Preset], option: str, value: object) -> None:
    if option not in known.__struct_fields__:
        others = [other for other, kind in PRESETS.items() if option in kind.__struct_fields__]
        hint = f" It belongs to {', '.join(others)}." if others else ""
        raise Invalid(
            f"scheme {name} has no option {option[:60]!r}; leave it out.{hint}",
            FieldError(option[:60], f"is no option of scheme {name}"),
        )
    try:
        msgspec.convert({"scheme": name, option: value}, known)
    except msgspec.ValidationError:
        shown = repr(value)[:60]
        message = f"is {shown}, which scheme {name} cannot use; give one like x-callcall"
        raise Invalid(f"{option} {message}.", FieldError(option, message)) from None
