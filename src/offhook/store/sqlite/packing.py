"""Events as statements bring them in one row: their fields as one JSON text, their data as one
blob after the other."""

from typing import TypeAlias

import msgspec

from offhook.model.event import LogEvent
from offhook.model.ids import AccountId, EventId

PARTITION = 0
"""The one partition of a log on SQLite."""

_Fields: TypeAlias = tuple[int, str, str, str, str, int, int, int, int, dict[str, str] | None, int]
_DECODER = msgspec.json.Decoder(list[_Fields])


def unpack_events(fields: str, data: bytes | None) -> list[LogEvent]:
    """The events of the columns ``fields`` and ``data``."""
    events = []
    at = 0
    for row in _DECODER.decode(fields):
        (
            position,
            id_,
            account,
            type_,
            key,
            sequence,
            created_ms,
            test,
            historical,
            headers,
            size,
        ) = row
        events.append(
            LogEvent(
                PARTITION,
                position,
                EventId(id_),
                AccountId(account),
                type_,
                key,
                sequence,
                created_ms,
                test == 1,
                historical == 1,
                headers,
                (data or b"")[at : at + size],
            )
        )
        at += size
    return events
