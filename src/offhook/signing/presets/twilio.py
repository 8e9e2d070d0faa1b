"""Twilio and those compatible with it: what is signed is the URL that they called, and the form."""

import base64
import binascii
from collections.abc import Iterator
from urllib.parse import parse_qs, parse_qsl, urlsplit

from offhook.signing.presets.hmacs import Digest, is_hash, made_by
from offhook.signing.reasons import malformed, mismatch, missing, unusable
from offhook.signing.request import SignedRequest, Trial
from offhook.signing.verdict import Rejected, RejectReason, Verdict, Verified

_TWILIO = "x-twilio-signature"
_SETTINGS = "x-twilio-webhooks-signature-settings"
_SIGNALWIRE = "x-signalwire-signature"
_SIGNALWIRE_SHA256 = "x-signalwire-sha256-signature"
_ALGORITHMS: dict[str, Digest] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_PORTS = {"http": 80, "https": 443}
_FORM = "application/x-www-form-urlencoded"
_PUBLIC_URL = (
    "The URL is signed too: it must be the public one, as the sender called it, and not the one "
    "behind a proxy."
)


def twilio(trial: Trial) -> Verdict:
    """Verify a request of Twilio, signed with the Auth Token (HMAC-SHA1) or with a SharedKey
    (HMAC-SHA256)."""
    if not trial.request.header(_TWILIO):
        return missing(_TWILIO)
    algorithm = _algorithm(trial.request.header(_SETTINGS))
    digest = _ALGORITHMS.get(algorithm.upper())
    if digest is None:
        return Rejected(
            RejectReason.OTHER_SCHEME,
            f"{_SETTINGS} names the algorithm {algorithm[:40]!r}; only HMAC_SHA1 and HMAC_SHA256 "
            "are known.",
        )
    return _no_url(trial.request) or _compatible(trial, _TWILIO, digest)


def signalwire(trial: Trial) -> Verdict:
    """Verify a request of SignalWire: hexadecimal over URL and body (HMAC-SHA256 where it sends
    that too, else HMAC-SHA1), or as Twilio does, in base64."""
    request = trial.request
    name = _SIGNALWIRE if request.header(_SIGNALWIRE) else _TWILIO
    strong = _hexadecimal(request.header(_SIGNALWIRE_SHA256), 32)
    if strong is None and not request.header(name):
        return missing(_SIGNALWIRE)
    if not request.url:
        return _no_url(request) or missing("the URL")
    if strong is not None and _whole(trial, strong, "sha256"):
        return Verified(None, None, None)
    plain = _hexadecimal(request.header(name), 20)
    if plain is None and request.header(name):
        return _compatible(trial, name, "sha1")
    if plain is not None and _whole(trial, plain, "sha1"):
        return Verified(None, None, None)
    return mismatch("URL and body", remedy=_PUBLIC_URL)


def _compatible(trial: Trial, name: str, digest: Digest) -> Verdict:
    request = trial.request
    given = request.header(name)
    try:
        received = base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError):
        return malformed(name, given, "it must be base64.")
    hashed = None if _is_form(request) else _stated_hash(request.url)
    rest = _form_content(request) if hashed is None else b""
    signed = any(
        made_by(trial.secrets, [received], url.encode(errors="replace") + rest, digest)
        for url in _with_and_without_port(request.url)
    )
    if not signed:
        return mismatch("URL and form", remedy=_PUBLIC_URL)
    if hashed is not None and not is_hash(request.body, hashed):
        return Rejected(
            RejectReason.BODY_ALTERED,
            "The URL is signed rightly, but the body is not the one whose hash stands in its field "
            "bodySHA256. Verify the bytes as received, before any parsing.",
        )
    return Verified(None, None, None)


def _no_url(request: SignedRequest) -> Rejected | None:
    return None if request.url else unusable("The URL is not given. " + _PUBLIC_URL)


def _stated_hash(url: str) -> str | None:
    found = parse_qs(urlsplit(url).query).get("bodySHA256")
    return None if found is None else found[0]


def _algorithm(settings: str) -> str:
    parts = (part.partition("=") for part in settings.split(","))
    named = (value.strip() for name, _, value in parts if name.strip() == "algorithm")
    return next(filter(None, named), "HMAC_SHA1")


def _is_form(request: SignedRequest) -> bool:
    return request.header("content-type").partition(";")[0].strip().lower() == _FORM


def _form_content(request: SignedRequest) -> bytes:
    """The form's fields as they are signed: names sorted, each with its values, sorted, once.

    A body that is no form, and whose hash is not in the URL, is signed by nothing: it stands in for
    the fields, so that no signature of a URL alone is taken for one of a body.
    """
    if not _is_form(request):
        return request.body
    fields = set(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
    return "".join(name + value for name, value in sorted(fields)).encode()


def _with_and_without_port(url: str) -> Iterator[str]:
    """Twilio signs either form of the same URL."""
    parts = urlsplit(url)
    yield url
    bare = parts.netloc.removesuffix(f":{parts.port}")
    yield parts._replace(netloc=bare).geturl()
    if parts.port is None and parts.scheme in _PORTS:
        yield parts._replace(netloc=f"{parts.netloc}:{_PORTS[parts.scheme]}").geturl()


def _hexadecimal(text: str, size: int) -> bytes | None:
    try:
        digest = bytes.fromhex(text.strip())
    except ValueError:
        return None
    return digest if len(digest) == size else None


def _whole(trial: Trial, received: bytes, digest: Digest) -> bool:
    content = trial.request.url.encode(errors="replace") + trial.request.body
    return made_by(trial.secrets, [received], content, digest)
