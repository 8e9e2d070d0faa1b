"""Errors that a user caused and can mend: each names the field, the value and the remedy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with the input: ``path`` is dotted from ``body``, ``query`` or ``header``."""

    path: str
    message: str


class OffhookError(Exception):
    """An expected refusal. ``code`` is stable and documented; ``detail`` is one clear sentence."""

    code = "error"

    def __init__(self, detail: str, *errors: FieldError, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        if code is not None:
            self.code = code


class Unreadable(OffhookError):
    """The input cannot be parsed at all."""

    code = "unreadable"


class Invalid(OffhookError):
    """The input was parsed, but some of it is not allowed."""

    code = "invalid"


class Forbidden(OffhookError):
    """The caller is known but may not do this."""

    code = "forbidden"


class NotFound(OffhookError):
    """No such object in this account."""

    code = "not_found"


class Conflict(OffhookError):
    """The request contradicts what is already there."""

    code = "conflict"


class TooLarge(OffhookError):
    """A bound on size was passed."""

    code = "too_large"


class Overloaded(OffhookError):
    """A queue is full; trying again after ``retry_after_s`` is safe."""

    code = "overloaded"

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(Overloaded):
    """The store cannot be reached now; trying again after ``retry_after_s`` is safe."""

    code = "store_unavailable"
