"""Posting events: the hot path, raw bytes in and rendered JSON out, one durable commit between."""

import asyncio
from collections.abc import Sequence
from typing import assert_never

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from offhook.api import auth
from offhook.api.auth import Gate, Principal
from offhook.api.bodies import (
    BATCH_BYTES,
    REQUEST_BYTES,
    check_item_count,
    check_json,
    check_object_size,
    not_json,
    parse_json,
    read_body,
)
from offhook.api.faults import report_fault
from offhook.api.problems import Problem, problem_of
from offhook.log.appender import Appender
from offhook.log.entries import (
    Appended,
    AppendOutcome,
    IdConflict,
    Refused,
    Repeated,
    Submission,
    Unchanged,
)
from offhook.log.submit import read_submission
from offhook.model.errors import Conflict, FieldError, Invalid, OffhookError
from offhook.model.event import EventRef

_AT_A_TIME = 100


class _Unchanged(msgspec.Struct, frozen=True):
    id: str
    type: str
    key: str
    sequence: int
    changed: bool = False


class _Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one item of a batch fared."""

    status: int
    id: str | msgspec.UnsetType = msgspec.UNSET
    type: str | msgspec.UnsetType = msgspec.UNSET
    key: str | msgspec.UnsetType = msgspec.UNSET
    sequence: int | msgspec.UnsetType = msgspec.UNSET
    changed: bool | msgspec.UnsetType = msgspec.UNSET
    error: Problem | msgspec.UnsetType = msgspec.UNSET


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    items: list[msgspec.Raw]


class _BatchAnswer(msgspec.Struct):
    items: list[_Item]


_encode = msgspec.json.Encoder().encode
_decode_item = msgspec.json.Decoder().decode
_decode_batch = msgspec.json.Decoder(_Batch).decode


def ingest_routes(appender: Appender, gate: Gate) -> list[Route]:
    """``POST /v1/events`` and ``POST /v1/events/batch``."""
    return [
        Route("/v1/events", PostEvent(appender, gate), methods=["POST"]),
        Route("/v1/events/batch", PostBatch(appender, gate), methods=["POST"]),
    ]


class PostEvent:
    """Takes one event; 202 says that it is on disk."""

    def __init__(self, appender: Appender, gate: Gate) -> None:
        self._appender = appender
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope["offhook.route"] = "/v1/events"
        asking = await _poster(self._gate, scope)
        raw = await read_body(scope, receive, REQUEST_BYTES)
        submission = read_submission(
            parse_json(raw), account=asking.account, test=asking.test, size=len(raw)
        )
        (outcome,) = await self._appender.submit((submission,))
        await _send_json(send, *_answer(outcome))


class PostBatch:
    """Takes up to 1,000 events; each is answered for itself, in order."""

    def __init__(self, appender: Appender, gate: Gate) -> None:
        self._appender = appender
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope["offhook.route"] = "/v1/events/batch"
        asking = await _poster(self._gate, scope)
        items = _read_batch(await read_body(scope, receive, BATCH_BYTES))
        read = await _read_items(items, asking)
        outcomes = await self._appender.submit([s for s in read if isinstance(s, Submission)])
        await _send_json(send, 200, _encode(_BatchAnswer(_answers(read, outcomes))))


async def _poster(gate: Gate, scope: Scope) -> Principal:
    asking = await gate.admit(scope)
    asking.require(auth.Scope.EVENTS_WRITE)
    return asking


def _read_batch(raw: bytes) -> list[msgspec.Raw]:
    try:
        items = _decode_batch(raw)
    except msgspec.ValidationError as error:
        raise Invalid(
            f'{error}; a batch is {{"items": [{{"type": ..., "data": ...}}, ...]}}.',
            FieldError("body", str(error)),
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(raw, error) from error
    check_item_count(len(items.items))
    return items.items


async def _read_items(
    items: Sequence[msgspec.Raw], asking: Principal
) -> list[Submission | OffhookError]:
    read: list[Submission | OffhookError] = []
    for place, item in enumerate(items):
        if place % _AT_A_TIME == _AT_A_TIME - 1:
            # A large batch lets the other requests have their turn.
            await asyncio.sleep(0)
        try:
            read.append(_read_item(bytes(item), asking, f"body.items.{place}"))
        except OffhookError as error:
            read.append(error)
    return read


def _read_item(raw: bytes, asking: Principal, path: str) -> Submission:
    check_object_size(raw, path)
    check_json(raw, path)
    try:
        item = _decode_item(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise not_json(raw, error, path) from error
    return read_submission(item, account=asking.account, test=asking.test, size=len(raw), path=path)


def _answers(
    read: Sequence[Submission | OffhookError], outcomes: Sequence[AppendOutcome]
) -> list[_Item]:
    left = iter(outcomes)
    return [
        _refused(item, place) if isinstance(item, OffhookError) else _item(next(left), place)
        for place, item in enumerate(read)
    ]


def _answer(outcome: AppendOutcome) -> tuple[int, bytes]:
    match outcome:
        case Appended(event):
            return 202, _encode(event)
        case Unchanged(last):
            return 200, _encode(_Unchanged(last.id, last.type, last.key, last.sequence))
        case Repeated(first):
            return 200, _encode(first)
        case IdConflict(first):
            raise _conflict(first)
        case Refused(error):
            raise error
        case _:
            assert_never(outcome)


def _item(outcome: AppendOutcome, place: int) -> _Item:
    match outcome:
        case Appended(event):
            return _Item(202, event.id, event.type, event.key, event.sequence)
        case Unchanged(last):
            return _Item(200, last.id, last.type, last.key, last.sequence, changed=False)
        case Repeated(first):
            return _Item(200, first.id, first.type, first.key, first.sequence)
        case IdConflict(first):
            return _refused(_conflict(first), place)
        case Refused(error):
            return _refused(error, place)
        case _:
            assert_never(outcome)


def _refused(error: Exception, place: int) -> _Item:
    if isinstance(error, OffhookError):
        problem = problem_of(error, within=f"body.items.{place}")
    else:
        problem = report_fault(error, method="POST", route="/v1/events/batch")
    return _Item(problem.status, error=problem)


def _conflict(first: EventRef) -> Conflict:
    return Conflict(
        f"This id was taken before with another body, which {first.id} ({first.type}) carries; an "
        "id names one event for good. Send this one under an id of its own, or without.",
        FieldError("body.id", "was taken before with another body"),
        code="event_id_conflict",
    )


async def _send_json(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
