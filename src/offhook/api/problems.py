"""Refusals as ``application/problem+json``: one shape, stable codes, one place for the status."""

import math
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.responses import Response

from offhook.api.quota import Quota
from offhook.model.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    OffhookError,
    Overloaded,
    TooLarge,
    Unreadable,
)
from offhook.model.event import rfc3339_ms
from offhook.model.ids import KeyId

CODES: Final[Mapping[str, str]] = {
    "already_delivered": "The delivery was accepted before; a retry would send it twice.",
    "batch_size": "A batch holds 1 to 1,000 items.",
    "conflict": "The request contradicts what is already there.",
    "cursor_expired": "Nobody can read on from the cursor; `since` tells the time to go on from.",
    "delivery_unknown": "Whether the delivery was accepted is past the retention of its attempts.",
    "endpoint_disabled": "The webhook is disabled, so nothing is sent to it.",
    "event_id_conflict": "The event id was taken before, with another body.",
    "forbidden": "The key is known but lacks the scope for this.",
    "internal": "A fault of the server; quote the request id when reporting it.",
    "invalid": "The request was read, but some of it is not allowed; `errors` names each field.",
    "invalid_cursor": "The cursor was not made by this list, or was damaged on the way.",
    "method_not_allowed": "The path exists, but not with this method; `Allow` lists those it has.",
    "not_found": "No such path, or no such object in this account.",
    "not_ready": "The server cannot serve yet; try again in a moment.",
    "overloaded": "Too much waits to be written; the same request is safe after `Retry-After`.",
    "precondition_failed": "The object changed since the revision that `If-Match` names.",
    "rate_limited": "The key made as many requests within a second as it may.",
    "reserved_type": "Events of this type are Offhook's own to say.",
    "store_unavailable": "The store cannot be reached now; the same request is safe later.",
    "test_mode": "A test key speaks of a live call, or a live key of a test call.",
    "too_large": "A bound on size, number or nesting was passed; the detail names it.",
    "too_many_attributes": "A call carries no more attributes than this.",
    "too_many_replays": "The webhook has as many replays running as it may.",
    "too_many_streams": "The process holds as many open streams as it may.",
    "too_many_tests": "The endpoint was tested a moment ago, or too many are being tested.",
    "unauthorized": "The API key is missing or unknown, or a stream token is not valid.",
    "unknown_call": "The key names a call that this account does not have.",
    "unknown_event_type": "No event type or alias of this name exists.",
    "unreadable": "The request cannot be parsed; the detail says where.",
    "webhook_unreadable": "The webhook cannot be loaded as it is stored; the detail says why.",
}
"""Every code that an answer may carry, with what it means."""

MEDIA_TYPE = "application/problem+json"

_MARGIN_MS = 10_000


class Unauthorized(OffhookError):
    """Nobody knows who is asking."""

    code = "unauthorized"


class MethodNotAllowed(OffhookError):
    """The path exists, but not with this method; ``allowed`` are those it has."""

    code = "method_not_allowed"

    def __init__(self, path: str, method: str, allowed: str) -> None:
        super().__init__(f"{path} does not take {method}; use {allowed or 'another method'}.")
        self.allowed = allowed


class PreconditionFailed(OffhookError):
    """The object is not at the revision that the request was made for."""

    code = "precondition_failed"


class RateLimited(OffhookError):
    """The key made as many requests within a second as it may."""

    code = "rate_limited"

    def __init__(self, key: KeyId, quota: Quota) -> None:
        super().__init__(
            f"The key {key} made {quota.limit} requests within a second, which is all it may; try "
            f"again in {quota.wait_s:.3f} s. A batch counts as one request.",
            FieldError("header.authorization", f"the key may make {quota.limit} requests a second"),
        )
        self.retry_after_s = math.ceil(quota.wait_s)


class CursorLoss(StrEnum):
    """Why nobody can read on from a cursor."""

    REPLACED = "is a cursor of another log than the one that is here now: it was restored or moved"
    TRIMMED = "stands before events that are past their retention, which cannot be read any more"


class CursorExpired(OffhookError):
    """Another log gave the cursor, or this one before it was restored; or what comes after it is
    past its retention, and a reader that went on would not know of the gap.

    ``since`` is the time from which a reader that had read up to ``at_ms`` misses nothing: that of
    a few seconds before, as not all partitions' events become visible in the order of their times.
    """

    code = "cursor_expired"

    def __init__(self, path: str, at_ms: int, loss: CursorLoss = CursorLoss.REPLACED) -> None:
        self.since = rfc3339_ms(max(at_ms - _MARGIN_MS, 0))
        super().__init__(
            f"{path} {loss}. Go on with since={self.since} and no cursor; events that come twice "
            "have the same id.",
            FieldError(path, f"{loss}; go on with since={self.since}"),
        )


class TooManyStreams(Overloaded):
    """This process holds as many open streams as it may."""

    code = "too_many_streams"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"{most} streams are open here, which is all this process holds; connect again in a "
            "moment, or raise the setting max_streams.",
            retry_after_s=5,
        )


class NotReady(OffhookError):
    """The server cannot serve yet."""

    code = "not_ready"


STATUS: Final[Mapping[type[OffhookError], int]] = {
    Unreadable: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    CursorExpired: 410,
    PreconditionFailed: 412,
    TooLarge: 413,
    Invalid: 422,
    RateLimited: 429,
    NotReady: 503,
    Overloaded: 503,
}
"""The status of each kind of refusal; a kind not listed answers as its base does."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a refusal answers. ``request_id`` is there where the server is at fault, ``since`` where
    a cursor expired."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] | msgspec.UnsetType = msgspec.UNSET
    request_id: str | msgspec.UnsetType = msgspec.UNSET
    since: str | msgspec.UnsetType = msgspec.UNSET


def problem_of(error: OffhookError, *, within: str = "body") -> Problem:
    """The answer to an expected refusal. ``within`` is where the body that it speaks of stands, for
    refusals that know nothing of a batch around it."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    errors = [FieldError(_placed(each.path, within), each.message) for each in error.errors]
    problem = _problem(status, error.code, error.detail, errors)
    if isinstance(error, CursorExpired):
        return msgspec.structs.replace(problem, since=error.since)
    return problem


def _placed(path: str, within: str) -> str:
    if path.startswith(within) or not path.startswith("body"):
        return path
    return within + path.removeprefix("body")


def internal_problem(request_id: str) -> Problem:
    """The answer to an exception that nobody expected; it says nothing of the cause."""
    detail = (
        "The server failed on this request; its log tells why under the request id "
        f"{request_id}. Nothing is known to be wrong with what was sent."
    )
    return msgspec.structs.replace(_problem(500, "internal", detail, []), request_id=request_id)


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as a response."""
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        headers=dict(headers) if headers else None,
        media_type=MEDIA_TYPE,
    )


def headers_of(error: OffhookError) -> dict[str, str]:
    """The headers that go with a refusal."""
    match error:
        case Overloaded() | RateLimited():
            return {"Retry-After": str(error.retry_after_s)}
        case NotReady():
            return {"Retry-After": "1"}
        case Unauthorized():
            return {"WWW-Authenticate": 'Bearer realm="offhook"'}
        case MethodNotAllowed():
            return {"Allow": error.allowed}
        case _:
            return {}


def _problem(status: int, code: str, detail: str, errors: list[FieldError]) -> Problem:
    return Problem(
        type=f"urn:offhook:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        errors=errors,
    )
