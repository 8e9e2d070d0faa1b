"""What can be proved about a request of another sender that does not verify."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from offhook.signing.bodies import before_changes
from offhook.signing.presets.checking import check
from offhook.signing.presets.values import Preset
from offhook.signing.request import SignedRequest, Trial
from offhook.signing.verdict import Rejected, RejectReason, Verified

_RIGHT = frozenset({RejectReason.TOO_OLD, RejectReason.TOO_NEW})


def proved(preset: Preset, trial: Trial, verdict: Rejected) -> Rejected:
    """The verdict, or a sharper one where the signature is right for something that is easily taken
    for what was given."""
    if verdict.reason is not RejectReason.MISMATCH:
        return verdict
    found = _altered_body(preset, trial) or _other_url(preset, trial) or _misread(preset, trial)
    return verdict if found is None else replace(found, skew_s=verdict.skew_s)


def _altered_body(preset: Preset, trial: Trial) -> Rejected | None:
    for change, body in before_changes(trial.request.body):
        if _holds(preset, trial, replace(trial.request, body=body), trial.secrets):
            return Rejected(
                RejectReason.BODY_ALTERED,
                f"The secret is right, but the body was altered after signing: {change}. Verify "
                "the bytes as received, before any parsing.",
            )
    return None


def _other_url(preset: Preset, trial: Trial) -> Rejected | None:
    for url in _urls(trial.request.url):
        if _holds(preset, trial, replace(trial.request, url=url), trial.secrets):
            return Rejected(
                RejectReason.URL_DIFFERS,
                f"The secret and the body are right, but the sender called {url[:200]!r}. Give the "
                "public URL as the sender calls it, not the one behind a proxy.",
            )
    return None


def _misread(preset: Preset, trial: Trial) -> Rejected | None:
    stripped = [secret.strip() for secret in trial.secrets]
    if stripped == list(trial.secrets) or not all(stripped):
        return None
    if not _holds(preset, trial, trial.request, stripped):
        return None
    return Rejected(
        RejectReason.KEY_MISREAD,
        "The body is unaltered, but the secret has white space around it; take it away.",
    )


def _urls(url: str) -> Iterator[str]:
    """The URL in the forms that proxies and typing make of it."""
    parts = urlsplit(url)
    if not parts.scheme:
        return
    other = "http" if parts.scheme == "https" else "https"
    path = parts.path.removesuffix("/") if parts.path.endswith("/") else parts.path + "/"
    yield parts._replace(scheme=other).geturl()
    yield parts._replace(path=path).geturl()
    yield parts._replace(scheme=other, path=path).geturl()


def _holds(preset: Preset, trial: Trial, request: SignedRequest, secrets: Sequence[str]) -> bool:
    verdict = check(preset, secrets, request, now_s=trial.now_s, tolerance_s=trial.tolerance_s)
    return isinstance(verdict, Verified) or verdict.reason in _RIGHT
