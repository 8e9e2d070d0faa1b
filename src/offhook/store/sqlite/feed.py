"""The feed of one account, on SQLite."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from offhook.log.entries import FeedFilter, FeedSlice
from offhook.model.event import LogEvent, to_ms
from offhook.model.ids import AccountId, EventId
from offhook.store.sqlite.append import LogEnd, read_end
from offhook.store.sqlite.connection import Connection, Value
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.packing import PARTITION, unpack_events

_SCAN = 20_000
"""How many positions one page looks at: a rare type must not cost the whole log at once."""


@dataclass(frozen=True, slots=True)
class Span:
    """The positions (``after``, ``through``] that a page looks at, of those up to ``end``."""

    after: int
    through: int
    end: int


class SqliteFeed:
    """The feed's port."""

    def __init__(self, database: Database, generation: int) -> None:
        self._database = database
        self._generation = generation

    @property
    def generation(self) -> int:
        """Which log this is."""
        return self._generation

    async def feed(
        self, account: AccountId, after: Mapping[int, int], limit: int, wanted: FeedFilter
    ) -> FeedSlice:
        """Events after the given position, oldest first."""

        def work(connection: Connection) -> FeedSlice:
            end = read_end(connection)
            if _is_past_head(end, after):
                return FeedSlice((), dict(after), more=False, past_head=True)
            begin = after.get(PARTITION, end.trimmed)
            if begin < end.trimmed:
                return FeedSlice((), dict(after), more=False, trimmed=True)
            span = _span(connection, begin, wanted)
            found = _page(connection, account, span, limit, wanted)
            return _slice(connection, span, found, full=len(found) == limit)

        return await self._database.query(work)

    async def event(self, account: AccountId, event: EventId) -> LogEvent | None:
        """One event; ``None`` if the account has none of this id."""
        row = self._database.read(lambda it: it.row("event", account=account, id=event))
        return None if row is None else next(iter(unpack_events(*row)), None)


def _is_past_head(end: LogEnd, after: Mapping[int, int]) -> bool:
    heads = {PARTITION: end.position}
    return any(position > heads.get(partition, 0) for partition, position in after.items())


def _span(connection: Connection, after: int, wanted: FeedFilter) -> Span:
    """Where to look. ``created`` never goes back, so times are positions."""
    if wanted.since is not None:
        after = max(after, _before(connection, wanted.since))
    if wanted.until is not None:
        end = _before(connection, wanted.until)
    else:
        end = connection.value("event_newest")
    through = end if wanted.key is not None else min(end, after + _SCAN)
    return Span(after, through, end)


def _before(connection: Connection, moment: datetime) -> int:
    """The last position before the first event created at a moment or after it."""
    position: int = connection.value("event_since", created_ms=to_ms(moment))
    return position - 1


def _slice(connection: Connection, span: Span, found: list[LogEvent], *, full: bool) -> FeedSlice:
    read_to = found[-1].position if full else max(span.after, span.through)
    looked = read_to > span.after
    at_ms: int | None = connection.value("event_created", position=read_to) if looked else 0
    return FeedSlice(tuple(found), {PARTITION: read_to}, read_to < span.end, at_ms or 0)


def _page(
    connection: Connection, account: AccountId, span: Span, limit: int, wanted: FeedFilter
) -> list[LogEvent]:
    if span.through <= span.after:
        return []
    asked: dict[str, Value] = {
        "account": account,
        "after": span.after,
        "through": span.through,
        "limit": limit,
        "key": wanted.key,
        **_types(wanted),
    }
    row = connection.row("feed" if wanted.key is None else "feed_of_key", **asked)
    return [] if row is None else unpack_events(*row)


def _types(wanted: FeedFilter) -> dict[str, str | None]:
    """Types asked for by name, and the beginnings of those asked for by ``prefix.*``."""
    if wanted.types is None:
        return {"types": None, "prefixes": "[]"}
    exact = [type_ for type_ in wanted.types if not type_.endswith(".*")]
    prefixes = [type_[:-1] for type_ in wanted.types if type_.endswith(".*")]
    encode = msgspec.json.encode
    return {"types": encode(exact).decode(), "prefixes": encode(prefixes).decode()}
