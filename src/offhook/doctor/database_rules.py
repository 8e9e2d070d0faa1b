"""What is found about a PostgreSQL server. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from offhook.doctor.findings import Finding, fail, lasting, listed, ok, sized, warn

OLDEST_VERSION = 15
LONG_S = 60
CONNECTIONS_A_PROCESS = 14
"""The pool of a process, its connection that listens, and one at its start."""

_SKEWED_MS = 1_000
_SKEWED_BADLY_MS = 60_000
_LONG_HELD_S = 3_600
_OLD_XIDS = 1_000_000_000
_OLDEST_XIDS = 1_800_000_000
_MUCH_WAL = 4 << 30


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A server and this user's place on it, at its own moment ``now_ms``. ``schema`` is ``None``
    where the search path leads nowhere; ``owned`` tells whether all tables there are this user's;
    ``xid_age`` counts towards the wrap-around of transaction ids at two thousand million."""

    version: int
    standby: bool
    user: str
    schema: str | None
    may_create: bool
    owned: bool
    synchronous_commit: str
    fsync: bool
    full_page_writes: bool
    autovacuum: bool
    max_connections: int
    reserved_connections: int
    used_connections: int
    now_ms: int
    database_bytes: int
    xid_age: int


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that has been open for long."""

    pid: int
    application: str
    state: str
    open_s: float


@dataclass(frozen=True, slots=True)
class Slot:
    """A replication slot that nobody reads, and the write-ahead log it keeps."""

    name: str
    kept_bytes: int


def judge_unreachable(place: str, error: str) -> Finding:
    """There was no connection."""
    return fail(
        "database",
        f"{place} cannot be reached ({error})",
        "check that it runs, that this machine may connect, and user, password and URL in "
        "OFFHOOK_DATABASE",
    )


def judge_interrupted(place: str, error: str) -> Finding:
    """It did not answer to the end."""
    return fail(
        "check-up",
        f"{place} did not answer all questions ({error})",
        "mend what it complains of, and look again",
    )


def judge_server(facts: ServerFacts) -> list[Finding]:
    """The server, and what this user may do there."""
    return [
        _judge_version(facts),
        _judge_rights(facts),
        _judge_durability(facts),
        _judge_connections(facts),
        _judge_vacuum(facts),
        ok("size", f"the database takes {sized(facts.database_bytes)}"),
    ]


def judge_clock(skew_ms: float, uncertain_ms: float) -> Finding:
    """The database's clock against this machine's, where asking took twice ``uncertain_ms``."""
    certain_ms = max(abs(skew_ms) - uncertain_ms, 0.0)
    direction = "ahead of" if skew_ms > 0 else "behind"
    what = f"the database's clock is {lasting(abs(skew_ms))} {direction} this machine's"
    remedy = (
        "keep both clocks right with NTP: events are dated by one, requests signed by the other"
    )
    if certain_ms > _SKEWED_BADLY_MS:
        return fail("clock", f"{what}: receivers may refuse requests as too old", remedy)
    if certain_ms > _SKEWED_MS:
        return warn("clock", what, remedy)
    return ok("clock", f"the database's and this machine's agree within {lasting(abs(skew_ms))}")


def judge_days(missing: Sequence[str]) -> Finding:
    """``missing`` are the tables of the days to come that are not there."""
    if missing:
        return warn(
            "daily tables",
            f"not made ahead: {listed(list(missing))}",
            "see that a server runs and may create tables: each one makes them a week ahead",
        )
    return ok("daily tables", "made ahead")


def judge_transactions(open_: Sequence[OpenTransaction], slots: Sequence[Slot]) -> list[Finding]:
    """What keeps old row versions, or old write-ahead log, from being cleaned up."""
    return [_judge_open(open_), _judge_slots(slots)]


def judge_unvacuumed(tables: Sequence[str]) -> Finding:
    """``tables`` have autovacuum switched off for themselves."""
    if tables:
        return fail(
            "vacuum of tables",
            f"switched off for {listed(list(tables))}",
            "ALTER TABLE ... RESET (autovacuum_enabled): tables grow without end otherwise",
        )
    return ok("vacuum of tables", "on")


def _judge_version(facts: ServerFacts) -> Finding:
    what = f"PostgreSQL {facts.version}"
    if facts.standby:
        return fail(
            "database",
            f"{what}, a read-only standby",
            "give the URL of the primary, or one that finds it (target_session_attrs=read-write)",
        )
    if facts.version < OLDEST_VERSION:
        return fail("database", what, f"upgrade it to {OLDEST_VERSION} or later")
    return ok("database", what)


def _judge_rights(facts: ServerFacts) -> Finding:
    if facts.schema is None:
        return fail(
            "rights",
            f"the search path of {facts.user} leads to no schema",
            "create the schema, or name one that exists with ?search_path= in the URL",
        )
    if not facts.may_create:
        return fail(
            "rights",
            f"{facts.user} may not create tables in the schema {facts.schema}",
            f"GRANT CREATE, USAGE ON SCHEMA {facts.schema} TO {facts.user}",
        )
    if not facts.owned:
        return fail(
            "rights",
            f"some tables in the schema {facts.schema} are not {facts.user}'s",
            f"REASSIGN OWNED BY their owner TO {facts.user}: daily tables can only be added to "
            "one's own",
        )
    return ok("rights", f"{facts.user} may do all in the schema {facts.schema}")


def _judge_durability(facts: ServerFacts) -> Finding:
    if not facts.fsync or not facts.full_page_writes:
        off = "fsync" if not facts.fsync else "full_page_writes"
        return fail(
            "durability",
            f"{off} is off: a crash of the machine may damage the whole database",
            f"set {off} = on in postgresql.conf",
        )
    if facts.synchronous_commit == "off":
        return warn(
            "durability",
            "synchronous_commit is off: a crash may lose what was acknowledged just before",
            "set synchronous_commit = on for this user or database",
        )
    return ok("durability", f"synchronous_commit is {facts.synchronous_commit}")


def _judge_connections(facts: ServerFacts) -> Finding:
    left = facts.max_connections - facts.reserved_connections - facts.used_connections
    what = f"{facts.used_connections} of {facts.max_connections} in use, {max(left, 0)} left"
    if left < CONNECTIONS_A_PROCESS:
        return warn(
            "connections",
            f"{what}; one more process may take {CONNECTIONS_A_PROCESS}",
            "raise max_connections, or close what else holds connections",
        )
    return ok("connections", what)


def _judge_vacuum(facts: ServerFacts) -> Finding:
    if not facts.autovacuum:
        return fail(
            "vacuum",
            "autovacuum is off: deleted rows are never cleaned up, and everything slows down",
            "set autovacuum = on and track_counts = on in postgresql.conf",
        )
    what = f"the oldest transaction id is {facts.xid_age // 1_000_000} million old"
    remedy = "find what holds it back (long transactions, slots), and run VACUUM (FREEZE)"
    if facts.xid_age > _OLDEST_XIDS:
        return fail("vacuum", f"{what}: the database stops at 2000", remedy)
    if facts.xid_age > _OLD_XIDS:
        return warn("vacuum", what, remedy)
    return ok("vacuum", f"autovacuum is on; {what}")


def _judge_open(open_: Sequence[OpenTransaction]) -> Finding:
    if not open_:
        return ok("transactions", f"none is open for more than {LONG_S} s")
    oldest = max(open_, key=lambda it: it.open_s)
    what = (
        f"{len(open_)} open for more than {LONG_S} s; pid {oldest.pid} "
        f"({oldest.application or 'unnamed'}, {oldest.state}) for {lasting(oldest.open_s * 1000)}"
    )
    remedy = (
        f"end it, or have pg_terminate_backend({oldest.pid}) end it: it keeps dead rows from "
        "being cleaned up"
    )
    return (
        fail("transactions", what, remedy)
        if oldest.open_s > _LONG_HELD_S
        else warn("transactions", what, remedy)
    )


def _judge_slots(slots: Sequence[Slot]) -> Finding:
    heavy = [slot for slot in slots if slot.kept_bytes > _MUCH_WAL]
    if heavy:
        worst = max(heavy, key=lambda slot: slot.kept_bytes)
        return warn(
            "replication slots",
            f"nobody reads {listed([slot.name for slot in heavy])}; {worst.name} keeps "
            f"{sized(worst.kept_bytes)} of write-ahead log",
            "start the standby that reads it, or pg_drop_replication_slot: the disk fills up",
        )
    return ok("replication slots", "none keeps much")
