"""Lists: their bounds, their opaque cursors, and the one shape in which a page leaves."""

import base64
import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from starlette.responses import Response

from offhook.model.errors import FieldError, Invalid
from offhook.model.event import LATEST_MS
from offhook.model.ids import FARTHEST_POSITION, LAST_PARTITION

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_Partition = Annotated[int, msgspec.Meta(ge=0, le=LAST_PARTITION)]
_Position = Annotated[int, msgspec.Meta(ge=-FARTHEST_POSITION, le=FARTHEST_POSITION)]
_After = Annotated[int, msgspec.Meta(ge=0, le=FARTHEST_POSITION)]
_Generation = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_Ms = Annotated[int, msgspec.Meta(ge=0, le=LATEST_MS)]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*\Z")]
_CHECK_BYTES = 4


def _read_moment(text: object) -> datetime:
    remedy = "give one with its offset, like 2026-11-20T10:00:00Z (in a URL, + is written %2B)"
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise ValueError(f"{str(text)[:100]!r} is not an RFC 3339 time; {remedy}")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text[:100]!r} is not a time: {error}; {remedy}") from error


Moment = Annotated[datetime, BeforeValidator(_read_moment)]
"""A moment in a query or body: RFC 3339 with an offset."""


Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """A page of a list; ``next_cursor`` is null on the last one."""

    data: list[Item]
    next_cursor: str | None


class PageQuery(BaseModel):
    """What every list takes. Parameters that a list does not know are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(max_length=4096)] = None


class Window(BaseModel):
    """A span of time: ``since`` is in, ``until`` is out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Moment | None = None
    until: Moment | None = None

    @field_validator("until")
    @classmethod
    def _after_since(cls, until: datetime | None, info: ValidationInfo) -> datetime | None:
        since = info.data.get("since")
        if since is not None and until is not None and until <= since:
            raise ValueError(f"until must be later than since, {since.isoformat()}; swap them")
        return until


class WindowQuery(Window, PageQuery):
    """What lists over time take."""


class FeedCursor(msgspec.Struct, frozen=True, array_like=True, tag="feed"):
    """Where a reader of the feed stands: the last position read of each partition, in the log of
    this generation, and up to when in time it has read. Another log, as one that was copied
    elsewhere is, has another generation, and there only the time means anything."""

    generation: _Generation
    after: dict[_Partition, _After]
    at_ms: _Ms = 0


class CallCursor(msgspec.Struct, frozen=True, array_like=True, tag="calls"):
    """The last call of a page: when it started, in Unix milliseconds, and its id."""

    started_ms: Annotated[int, msgspec.Meta(ge=-LATEST_MS, le=LATEST_MS)]
    id: _Name


class DeliveryCursor(msgspec.Struct, frozen=True, array_like=True, tag="deliveries"):
    """What a page left of each partition that has more: the position that the next one goes on
    from, and with which endpoint, if not with all."""

    rest: dict[_Partition, tuple[_Position, _Name | None]]


class AttemptCursor(msgspec.Struct, frozen=True, array_like=True, tag="attempts"):
    """The last attempt of a page: when it began, in Unix milliseconds, and its number."""

    started_ms: _Ms
    number: Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)]


class IdCursor(msgspec.Struct, frozen=True, array_like=True, tag="ids"):
    """The last object of a page that goes by id."""

    id: _Name


_Cursor = TypeVar("_Cursor", FeedCursor, CallCursor, DeliveryCursor, AttemptCursor, IdCursor)


def write_cursor(
    cursor: FeedCursor | CallCursor | DeliveryCursor | AttemptCursor | IdCursor,
) -> str:
    """The cursor as opaque text, with a check sum against damage."""
    packed = msgspec.msgpack.encode(cursor)
    check = zlib.crc32(packed).to_bytes(_CHECK_BYTES, "big")
    return base64.urlsafe_b64encode(check + packed).decode().rstrip("=")


def read_cursor(
    text: str | None, kind: type[_Cursor], path: str = "query.cursor"
) -> _Cursor | None:
    """The cursor that a list gave out; ``Invalid`` (``invalid_cursor``) for any other text, with
    the ``path`` of the field that it came in."""
    if text is None:
        return None
    try:
        return msgspec.msgpack.decode(_unpack(text), type=kind)
    except ValueError as error:
        raise Invalid(
            f"{path} {text[:100]!r} is not a cursor of this list; take next_cursor of its "
            "last page as it came, or leave it out to begin anew.",
            FieldError(path, "is not a cursor of this list"),
            code="invalid_cursor",
        ) from error


def _unpack(text: str) -> bytes:
    sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    check, packed = sealed[:_CHECK_BYTES], sealed[_CHECK_BYTES:]
    if int.from_bytes(check, "big") != zlib.crc32(packed):
        raise ValueError("the check sum does not fit")
    return packed


def page(items: Iterable[bytes], next_cursor: str | None) -> Response:
    """A page of objects that are rendered JSON already."""
    tail = msgspec.json.encode(next_cursor)
    return json_response(b'{"data":[' + b",".join(items) + b'],"next_cursor":' + tail + b"}")


def json_response(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Rendered JSON as a response."""
    return Response(body, status, dict(headers) if headers else None, "application/json")
