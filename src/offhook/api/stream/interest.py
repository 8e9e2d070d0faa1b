"""What a client of the stream wants, and whether new events hold any of it. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from offhook.log.entries import FeedFilter
from offhook.model.event import LogEvent
from offhook.model.ids import AccountId

Subject: TypeAlias = tuple[AccountId, str | None]
"""An account, and the key within it; ``None`` for all keys."""


class Interest:
    """The events of one account, of some types, of one key: the same ones that the feed's port
    finds by ``filter``."""

    def __init__(self, account: AccountId, filter_: FeedFilter) -> None:
        self.account = account
        self.filter = filter_
        self.subject: Subject = (account, filter_.key)
        types = filter_.types or ()
        self._exact = frozenset(type_ for type_ in types if not type_.endswith(".*"))
        self._prefixes = tuple(type_[:-1] for type_ in types if type_.endswith(".*"))

    def takes(self, type_: str) -> bool:
        """Whether it wants events of a type."""
        if self.filter.types is None:
            return True
        return type_ in self._exact or type_.startswith(self._prefixes)

    def takes_any(self, types: Iterable[str]) -> bool:
        """Whether it wants events of any of these types."""
        return any(map(self.takes, types))

    def wants(self, event: LogEvent) -> bool:
        """Whether it wants an event."""
        if event.account != self.account:
            return False
        return self.filter.key in (None, event.key) and self.takes(event.type)


def types_by_subject(events: Iterable[LogEvent]) -> Mapping[Subject, set[str]]:
    """Which types are among new events, by account and by key: an interest asks for a few types of
    its own subject, rather than for a thousand events."""
    types: defaultdict[Subject, set[str]] = defaultdict(set)
    for event in events:
        types[event.account, None].add(event.type)
        types[event.account, event.key].add(event.type)
    return types


def covers(granted: tuple[str, ...] | None, asked: tuple[str, ...] | None) -> bool:
    """Whether all that the patterns ``asked`` bring is brought by those ``granted``; ``None`` is
    everything."""
    if granted is None:
        return True
    if asked is None:
        return False
    prefixes = tuple(pattern[:-1] for pattern in granted if pattern.endswith(".*"))
    return all(pattern in granted or pattern.startswith(prefixes) for pattern in asked)
