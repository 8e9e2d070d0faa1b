"""What the receiver answers: a status, headers and a JSON document. Pure."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from offhook.model.errors import OffhookError, Overloaded, TooLarge
from offhook.receiver.ports import Receipt
from offhook.receiver.verification import SignatureError


class Answer(msgspec.Struct, frozen=True):
    """An HTTP response, whole."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes


def accepted(receipt: Receipt) -> Answer:
    """The event is kept. One that was kept before is a duplicate, which is no error."""
    document = {"received": True, "duplicate": receipt is not Receipt.NEW}
    return _answer(HTTPStatus.OK, "application/json", document)


def not_found(path: str) -> Answer:
    """The request went elsewhere than to ``path``."""
    detail = f"Nothing is here; webhooks are taken at {path}."
    return _problem(HTTPStatus.NOT_FOUND, "not_found", detail)


def wrong_method() -> Answer:
    """The request is no POST."""
    status = HTTPStatus.METHOD_NOT_ALLOWED
    return _problem(status, "method_not_allowed", "Webhooks are sent with POST.", {"allow": "POST"})


def refused(error: OffhookError) -> Answer:
    """The request was not taken; the problem document says why."""
    headers = {"retry-after": str(error.retry_after_s)} if isinstance(error, Overloaded) else {}
    return _problem(_status_of(error), error.code, error.detail, headers)


def _status_of(error: OffhookError) -> HTTPStatus:
    match error:
        case SignatureError():
            return HTTPStatus.UNAUTHORIZED
        case TooLarge():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        case Overloaded():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return HTTPStatus.BAD_REQUEST


def _problem(
    status: HTTPStatus, code: str, detail: str, headers: Mapping[str, str] | None = None
) -> Answer:
    document = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [],
    }
    return _answer(status, "application/problem+json", document, headers)


def _answer(
    status: HTTPStatus, kind: str, document: object, headers: Mapping[str, str] | None = None
) -> Answer:
    return Answer(status, {"content-type": kind, **(headers or {})}, msgspec.json.encode(document))
