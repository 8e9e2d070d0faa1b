"""The event: what stands in the log, and the one JSON in which it leaves, whichever way."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

import msgspec

from offhook.model.ids import AccountId, EventId

VERSION = "2026-11-01"
LATEST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999: no later one can be written as RFC 3339."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class LogEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as it stands in the log. ``data`` is rendered JSON; nothing in it ever changes."""

    partition: int
    position: int
    id: EventId
    account: AccountId
    type: str
    key: str
    sequence: int
    created_ms: int
    test: bool
    historical: bool
    headers: dict[str, str] | None
    data: bytes


class EventRef(msgspec.Struct, frozen=True, gc=False):
    """What an answer says of an event."""

    id: EventId
    type: str
    key: str
    sequence: int


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    id: str
    type: str
    created: str
    version: str
    key: str
    sequence: int
    test: bool
    data: msgspec.Raw


@lru_cache(maxsize=4_096)
def rfc3339_ms(moment_ms: int) -> str:
    """Unix milliseconds as RFC 3339 in UTC with exactly three decimals."""
    stamp = datetime.fromtimestamp(moment_ms / 1000, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{moment_ms % 1000:03d}Z"


def to_ms(moment: datetime) -> int:
    """An aware moment as Unix milliseconds, rounded down; exact, as floats would not be."""
    return (moment - _EPOCH) // _MILLISECOND


def from_ms(moment_ms: int) -> datetime:
    """Unix milliseconds as an aware moment; exact."""
    return _EPOCH + moment_ms * _MILLISECOND


def render(event: LogEvent, version: str = VERSION, type_name: str | None = None) -> bytes:
    """The envelope of events.md as JSON. ``type_name`` is the spelling a subscriber asked for."""
    return msgspec.json.encode(
        _Envelope(
            event.id,
            type_name or event.type,
            rfc3339_ms(event.created_ms),
            version,
            event.key,
            event.sequence,
            event.test,
            msgspec.Raw(event.data),
        )
    )
