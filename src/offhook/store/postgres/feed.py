"""The feed of one account, on PostgreSQL: the partitions' events, the oldest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from offhook.log.entries import FeedFilter, FeedSlice
from offhook.model.event import LogEvent, to_ms
from offhook.model.ids import AccountId, EventId, partition_of
from offhook.store.postgres.database import Database
from offhook.store.postgres.ends import Ends
from offhook.store.postgres.rows import event_of
from offhook.store.postgres.session import Session

_SCAN = 20_000
"""How many positions one page looks at: a rare type must not cost the whole log at once."""
LONGEST_TIMELINE = 10_000
_ALL = 1 << 62


@dataclass(frozen=True, slots=True)
class Span:
    """The positions (``after``, ``through``] of a partition that a page looks at, of those up to
    ``end``, whose event was created at ``end_ms``."""

    partition: int
    after: int
    through: int
    end: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Head:
    """The last position of a partition, when that was, and up to where retention took it."""

    position: int
    created_ms: int
    trimmed: int


class PostgresFeed:
    """The feed's port."""

    def __init__(self, database: Database, partitions: int, generation: int, ends: Ends) -> None:
        self._database = database
        self._partitions = partitions
        self._generation = generation
        self._ends = ends

    @property
    def generation(self) -> int:
        """Which log this is."""
        return self._generation

    async def feed(
        self, account: AccountId, after: Mapping[int, int], limit: int, wanted: FeedFilter
    ) -> FeedSlice:
        """Events after the given positions, oldest first, in order per key."""
        async with self._database.reading() as session:
            heads = await self._heads(session)
            if _is_past_head(heads, after):
                return FeedSlice((), dict(after), more=False, past_head=True)
            looked_at, scan = list(heads), _SCAN // self._partitions
            if wanted.key is not None:
                home = await home_of(session, account, wanted.key, self._partitions)
                looked_at, scan = [home], _ALL
            if any(after.get(at, heads[at].trimmed) < heads[at].trimmed for at in looked_at):
                return FeedSlice((), dict(after), more=False, trimmed=True)
            spans = await _spans(session, {at: heads[at] for at in looked_at}, after, wanted, scan)
            found = await _page(session, account, spans, limit, wanted)
            return await _slice(session, found, spans, after, full=len(found) == limit)

    async def event(self, account: AccountId, event: EventId) -> LogEvent | None:
        """One event; ``None`` if the account has none of this id."""
        async with self._database.reading() as session:
            row = await session.row("event", account=account, id=event)
        return None if row is None else event_of(row)

    async def _heads(self, session: Session) -> dict[int, Head]:
        """Where each partition ends."""
        rows = await self._ends.read(session, range(self._partitions))
        return {
            row["partition"]: Head(row["position"], row["created_ms"], row["trimmed_position"])
            for row in rows
        }


def _is_past_head(heads: Mapping[int, Head], after: Mapping[int, int]) -> bool:
    return bool(after.keys() - heads.keys()) or any(
        position > heads[at].position for at, position in after.items()
    )


async def home_of(session: Session, account: AccountId, key: str, partitions: int) -> int:
    """The partition of a key; an event that is its own key may stand in any."""
    own: int | None = await session.value("key_partition", account=account, key=key)
    return partition_of(account, key, partitions) if own is None else own


async def _spans(
    session: Session,
    heads: Mapping[int, Head],
    after: Mapping[int, int],
    wanted: FeedFilter,
    scan: int,
) -> list[Span]:
    """Where to look. ``created`` never goes back within a partition, so times are positions."""
    partitions = list(heads)
    since = {} if wanted.since is None else await _before(session, partitions, wanted.since)
    until = {} if wanted.until is None else await _before(session, partitions, wanted.until)
    spans = []
    for partition, head in heads.items():
        begin = max(after.get(partition, head.trimmed), since.get(partition, 0))
        end = until.get(partition, head.position)
        end_ms = head.created_ms
        if wanted.until is not None:
            end_ms = min(end_ms, to_ms(wanted.until) - 1)
        spans.append(Span(partition, begin, min(end, begin + scan), end, end_ms))
    return spans


async def _before(session: Session, partitions: Sequence[int], moment: datetime) -> dict[int, int]:
    rows = await session.rows("event_since", partitions=partitions, created_ms=to_ms(moment))
    return {row[0]: row[1] for row in rows}


async def _page(
    session: Session, account: AccountId, spans: Sequence[Span], limit: int, wanted: FeedFilter
) -> list[LogEvent]:
    open_ = [span for span in spans if span.through > span.after]
    if not open_:
        return []
    asked = {"account": account, "limit": limit, **_types(wanted)}
    if wanted.key is None:
        rows = await session.rows(
            "feed",
            partitions=[span.partition for span in open_],
            after=[span.after for span in open_],
            through=[span.through for span in open_],
            **asked,
        )
    else:
        [span] = open_
        place = {"partition": span.partition, "after": span.after}
        positions = await session.rows(
            "key_positions", account=account, key=wanted.key, limit=LONGEST_TIMELINE, **place
        )
        rows = await session.rows(
            "feed_of_key",
            positions=[row[0] for row in positions],
            through=span.through,
            **place,
            **{name: value for name, value in asked.items() if name != "account"},
        )
    return [event_of(row) for row in rows]


async def _slice(
    session: Session,
    found: Sequence[LogEvent],
    spans: Sequence[Span],
    after: Mapping[int, int],
    *,
    full: bool,
) -> FeedSlice:
    read_to = dict(after)
    for span in spans:
        read_to[span.partition] = span.after if full else max(span.after, span.through)
    if full:
        for event in found:
            read_to[event.partition] = event.position
    more = any(read_to[span.partition] < span.end for span in spans)
    capped = [span for span in spans if span.after < span.through < span.end]
    times = await _created(session, capped)
    if full:
        times.append(found[-1].created_ms)
    at_ms = min(times) if times else max(span.end_ms for span in spans)
    return FeedSlice(tuple(found), read_to, more, at_ms)


async def _created(session: Session, spans: Sequence[Span]) -> list[int]:
    """When the events were created that pages end at before their partitions do."""
    if not spans:
        return []
    rows = await session.rows(
        "events_created",
        partitions=[span.partition for span in spans],
        positions=[span.through for span in spans],
    )
    return [row[0] for row in rows]


def _types(wanted: FeedFilter) -> dict[str, list[str] | None]:
    """Types asked for by name, and the beginnings of those asked for by ``prefix.*``."""
    if wanted.types is None:
        return {"types": None, "prefixes": []}
    exact = [type_ for type_ in wanted.types if not type_.endswith(".*")]
    return {"types": exact, "prefixes": [it[:-1] for it in wanted.types if it.endswith(".*")]}
