"""What each endpoint's owner asked for at which time, and what follows of that for an event."""

from dataclasses import dataclass, field
from math import inf

import msgspec

from offhook.delivery.announcing import speaks_of
from offhook.delivery.document import WebhookDocument
from offhook.delivery.queueing.rate import rate_limit
from offhook.delivery.schedule import Schedule
from offhook.model.event import LogEvent
from offhook.model.ids import WebhookId

_LIVE_S = 60.0
"""For how long what was asked for before may still be seen: requests last as long, and a process
that the store could not reach follows it."""


class _Listed(msgspec.Struct):
    contact_list_ids: object = ()


@dataclass(frozen=True, slots=True)
class Version:
    """What was asked for from a position of the log, and from a second, on; ``None``: nothing, it
    was deleted."""

    from_position: int
    from_s: float
    document: WebhookDocument | None

    def wants(self, event: LogEvent) -> bool:
        """Whether this is for the endpoint as it was described then."""
        enabled = self.document is not None and self.document.enabled
        return enabled and self.would_want(event)

    def would_want(self, event: LogEvent) -> bool:
        """Whether this is for the endpoint if it is enabled."""
        document = self.document
        if document is None or (event.test and not document.test):
            return False
        if event.historical and not document.include_historical:
            return False
        if not any(_matches(pattern, event.type) for pattern in document.events):
            return False
        lists = document.contact_list_ids
        named = msgspec.json.decode(event.data, type=_Listed).contact_list_ids
        return not lists or (isinstance(named, list) and any(str(it) in lists for it in named))


@dataclass(slots=True)
class Key:
    """A secret, and from when until when every request has to verify with it."""

    secret: str
    from_s: float
    until_s: float = inf


@dataclass(slots=True, eq=False)
class Subscription:
    """An endpoint and all that was ever asked for it, oldest first; events up to ``after`` are not
    for it."""

    name: str
    after: int
    versions: list[Version] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)

    @property
    def webhook(self) -> WebhookId:
        """Its id."""
        return WebhookId(f"wh_{self.name}")

    @property
    def document(self) -> WebhookDocument | None:
        """As it is now."""
        return self.versions[-1].document

    @property
    def revision(self) -> int:
        """How often it was made or changed."""
        return len(self.versions)

    @property
    def enabled(self) -> bool:
        """Whether it may receive now."""
        return self.document is not None and self.document.enabled

    def change(self, at_position: int, at_s: float, document: WebhookDocument | None) -> None:
        """Something else is asked for from here on."""
        self.versions.append(Version(at_position, at_s, document))

    def must_get(self, event: LogEvent) -> bool:
        """Whether it has wanted this ever since the event was there."""
        return self._concerns(event) and all(it.wants(event) for it in self._since(event))

    def may_get(self, event: LogEvent) -> bool:
        """Whether it wanted this at any time since the event was there."""
        return self._concerns(event) and any(it.wants(event) for it in self._since(event))

    def would_get(self, event: LogEvent) -> bool:
        """Whether it has wanted this all its life, but for the times in which it was disabled."""
        return self._concerns(event) and all(it.would_want(event) for it in self.versions)

    @property
    def enabled_since_s(self) -> float:
        """Since when it may receive without a break; what was under way before is forgotten."""
        since_s = 0.0
        for version in self.versions:
            if version.document is None or not version.document.enabled:
                since_s = version.from_s
        return since_s

    @property
    def always_enabled(self) -> bool:
        """Whether it could receive all its life."""
        return all(it.document is not None and it.document.enabled for it in self.versions)

    @property
    def always_ordered(self) -> bool:
        """Whether it kept order all its life."""
        return all(it.document is None or it.document.ordered for it in self.versions)

    @property
    def same_order(self) -> bool:
        """Whether it kept order all its life, or never."""
        return len({document.ordered for document in self.documents}) <= 1

    @property
    def documents(self) -> list[WebhookDocument]:
        """All that was ever asked for."""
        return [it.document for it in self.versions if it.document is not None]

    @property
    def url(self) -> str | None:
        """Where it stands now. It never goes back to where it stood before."""
        return None if self.document is None else self.document.url

    @property
    def moved(self) -> bool:
        """Whether it ever stood elsewhere."""
        return len({document.url for document in self.documents}) > 1

    def may_stand_at(self, url: str, now_s: float) -> bool:
        """Whether it may be taken to stand there now."""
        return any(it.url == url for it in self._lately(now_s))

    def schedules(self) -> list[Schedule]:
        """By which its deliveries may have been tried again."""
        return [it.retry.schedule() for it in self.documents]

    def most_in_flight(self, now_s: float) -> int:
        """What its bound may be taken to be now."""
        return max(it.max_in_flight for it in self._lately(now_s))

    def most_begun(self, now_s: float) -> tuple[int, float] | None:
        """How many may begin within how many seconds; ``None``: any number."""
        per_s = [it.rate_limit_per_s for it in self._lately(now_s)]
        if any(rate is None for rate in per_s):
            return None
        limit = rate_limit(max(rate for rate in per_s if rate is not None))
        return limit.count, limit.window_s

    def _concerns(self, event: LogEvent) -> bool:
        return event.position > self.after and not speaks_of(event, self.webhook)

    def _since(self, event: LogEvent) -> list[Version]:
        first = max(at for at, it in enumerate(self.versions) if it.from_position < event.position)
        return self.versions[first:]

    def _lately(self, now_s: float) -> list[WebhookDocument]:
        versions = self.versions
        kept = [
            it.document
            for at, it in enumerate(versions)
            if it.document is not None
            and (at + 1 == len(versions) or versions[at + 1].from_s > now_s - _LIVE_S)
        ]
        return kept or self.documents


def _matches(pattern: str, type_: str) -> bool:
    if pattern == "*":
        return not type_.startswith(("webhook.", "delivery."))
    if pattern.endswith("*"):
        return type_.startswith(pattern[:-1])
    return pattern == type_
