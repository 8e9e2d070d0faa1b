"""Events as rows bring them: partition, position and the other columns of ``event``, in order."""

import msgspec

from offhook.model.event import LogEvent
from offhook.store.postgres.session import Row

_HEADERS = msgspec.json.Decoder(dict[str, str])


def event_of(row: Row, first: int = 0) -> LogEvent:
    """The event of the twelve columns from ``first`` on."""
    headers = row[first + 10]
    return LogEvent(
        row[first],
        row[first + 1],
        row[first + 2],
        row[first + 3],
        row[first + 4],
        row[first + 5],
        row[first + 6],
        row[first + 7],
        row[first + 8],
        row[first + 9],
        None if headers is None else _HEADERS.decode(headers),
        row[first + 11],
    )
