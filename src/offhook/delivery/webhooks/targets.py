"""Whether a webhook's URL may be sent to, by the operator's settings and the name as it is now."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from offhook.delivery.guard import (
    Network,
    Resolver,
    check_url,
    parse_literal,
    resolve_check,
)
from offhook.model.errors import FieldError, Invalid


@dataclass(frozen=True, slots=True)
class Targets:
    """What the operator allows as a target."""

    resolver: Resolver
    allow_http: bool = False
    allowed: Sequence[Network] = ()

    async def check(self, url: str) -> list[str]:
        """Refuse with ``Invalid`` what may not be sent to; returns warnings about the rest."""
        _raise(check_url(url, allow_http=self.allow_http, allowed=self.allowed))
        host = urlsplit(url).hostname or ""
        if parse_literal(host) is not None:
            return []
        resolution = await resolve_check(host, self.resolver, allowed=self.allowed)
        _raise(resolution.errors)
        return list(resolution.warnings)


def _raise(errors: Sequence[FieldError]) -> None:
    if errors:
        raise Invalid(f"{errors[0].path}: {errors[0].message}.", *errors)
