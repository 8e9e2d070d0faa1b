"""What the log's tables tell of how delivery goes, on either store. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from offhook.doctor.findings import Finding, fail, lasting, listed, ok, warn

GONE_MS = 15_000
"""A lease that ended so long ago should have been taken over."""
BEHIND_MS = 120_000
"""More than the longest timeout of a request: one that hangs keeps its cursor back so long."""
OVERDUE_MS = 60_000
_FAR_BEHIND_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class LeaseFact:
    """A consumer's lease on a partition. ``events`` stand after its cursor, the first of them
    created at ``waiting_ms``."""

    consumer: str
    partition: int
    owner: str | None
    until_ms: int
    events: int
    waiting_ms: int | None


@dataclass(frozen=True, slots=True)
class MemberFact:
    """Who takes part in a consumer, until when unless it says so again."""

    consumer: str
    owner: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries with rows of their own, by state; ``overdue`` of those that wait for their next
    attempt should have been tried a minute ago, and ``oldest_due_ms`` is when the first is due."""

    retry: int
    waiting: int
    failed: int
    canceled: int
    overdue: int
    oldest_due_ms: int | None


@dataclass(frozen=True, slots=True)
class LogFacts:
    """The log at a moment ``now_ms`` of its store's clock. ``held`` names the endpoints that have a
    cursor of their own, ``newest_ms`` is when the last event was created."""

    now_ms: int
    newest_ms: int | None
    leases: Sequence[LeaseFact]
    members: Sequence[MemberFact]
    backlog: Backlog
    held: Sequence[str]


def judge_schema(found: int, known: int) -> Finding:
    """Whether the schema is the one this release knows."""
    if found > known:
        return fail(
            "schema",
            f"version {found}, written by a newer release; this one knows up to {known}",
            "upgrade Offhook here to the release that wrote it",
        )
    if found < known:
        return warn(
            "schema",
            f"version {found}; this release knows {known}",
            "run offhook migrate, or start a server of this release: it migrates at its start",
        )
    return ok("schema", f"version {found}, as this release knows it")


def judge_log(facts: LogFacts, consumer: str) -> list[Finding]:
    """How delivery goes; ``consumer`` is the one that delivers."""
    return [
        _judge_owners(facts),
        _judge_lag(facts, consumer),
        _judge_backlog(facts.backlog, facts.now_ms),
        _judge_held(facts.held),
        _judge_given_up(facts.backlog),
        _judge_newest(facts),
    ]


def orphans(facts: LogFacts) -> list[LeaseFact]:
    """The leases that nobody holds although somebody takes part."""
    if not _alive(facts):
        return []
    return [it for it in facts.leases if it.until_ms <= facts.now_ms - GONE_MS]


def _alive(facts: LogFacts) -> set[str]:
    return {it.owner for it in facts.members if it.until_ms > facts.now_ms}


def _judge_owners(facts: LogFacts) -> Finding:
    alive = _alive(facts)
    if not alive:
        return warn(
            "leases",
            "no process delivers or fires timers now",
            "start offhook serve with the role all or engine",
        )
    free = orphans(facts)
    gone = sorted({it.owner for it in free if it.owner is not None} - alive)
    if free:
        places = [f"{it.consumer} {it.partition}" for it in free]
        left = f"; left by {listed(gone)}" if gone else ""
        return fail(
            "leases",
            f"{len(free)} partitions have no live owner ({listed(places)}){left}",
            f"look at the log of the live processes ({listed(sorted(alive))}): they take over what "
            "is free within seconds, so restart those that do not",
        )
    return ok("leases", f"{len(facts.leases)} held by {len(alive)} live processes")


def _judge_lag(facts: LogFacts, consumer: str) -> Finding:
    behind = [it for it in facts.leases if it.consumer == consumer and it.waiting_ms is not None]
    events = sum(it.events for it in behind)
    oldest_ms = min((it.waiting_ms for it in behind if it.waiting_ms is not None), default=None)
    age_ms = 0 if oldest_ms is None else facts.now_ms - oldest_ms
    what = f"{events} events after the cursors"
    if age_ms < BEHIND_MS:
        return ok("lag", what)
    what += f", the oldest from {lasting(age_ms)} ago"
    remedy = (
        "see that a process with the role all or engine runs, then raise max_in_flight of slow "
        "endpoints or start more such processes"
    )
    return fail("lag", what, remedy) if age_ms >= _FAR_BEHIND_MS else warn("lag", what, remedy)


def _judge_backlog(backlog: Backlog, now_ms: int) -> Finding:
    what = f"{backlog.retry} deliveries wait to be tried again, {backlog.waiting} behind them"
    if backlog.oldest_due_ms is not None and backlog.oldest_due_ms < now_ms:
        what += f"; the oldest is due since {lasting(now_ms - backlog.oldest_due_ms)}"
    if backlog.overdue:
        return warn(
            "backlog",
            f"{what}, {backlog.overdue} for more than {lasting(OVERDUE_MS)}",
            "see that a process with the role all or engine runs; if one does, endpoints answer "
            "too slowly: look at their health with GET /v1/webhooks",
        )
    return ok("backlog", what)


def _judge_held(held: Sequence[str]) -> Finding:
    if held:
        return warn(
            "endpoints behind",
            f"{len(held)} fell behind and catch up by themselves: {listed(sorted(held))}",
            "if one does not get on, its receiver is too slow or down: mend it, raise its "
            "max_in_flight, or disable it",
        )
    return ok("endpoints behind", "none")


def _judge_given_up(backlog: Backlog) -> Finding:
    what = f"{backlog.failed} failed for good, {backlog.canceled} canceled"
    if backlog.failed:
        return warn(
            "given up",
            what,
            "list them with GET /v1/deliveries?status=failed, and try again those that matter",
        )
    return ok("given up", what)


def _judge_newest(facts: LogFacts) -> Finding:
    if facts.newest_ms is None:
        return ok("newest event", "the log is empty")
    age_ms = facts.now_ms - facts.newest_ms
    if age_ms < -1_000:
        return warn(
            "newest event",
            f"dated {lasting(-age_ms)} ahead of the store's clock, so the clock was set back",
            "set the clock right and keep it so with NTP; until it has caught up, new events are "
            "dated like the newest",
        )
    return ok("newest event", f"from {lasting(max(age_ms, 0))} ago")
