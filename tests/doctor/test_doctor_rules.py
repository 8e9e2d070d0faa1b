"""What is decided about facts: each fault is told from its absence, and has a remedy."""

from dataclasses import replace

import pytest

from offhook.doctor import database_rules, folder_rules, log_rules, redis_rules
from offhook.doctor.database_rules import OpenTransaction, ServerFacts, Slot
from offhook.doctor.findings import Finding, Status, lasting, listed, sized
from offhook.doctor.folder_rules import FolderFacts, Integrity
from offhook.doctor.log_rules import Backlog, LeaseFact, LogFacts, MemberFact
from offhook.doctor.redis_rules import RedisFacts

NOW_MS = 1_795_000_000_000
HOUR_MS = 3_600_000

SERVER = ServerFacts(
    version=18,
    standby=False,
    user="offhook",
    schema="public",
    may_create=True,
    owned=True,
    synchronous_commit="on",
    fsync=True,
    full_page_writes=True,
    autovacuum=True,
    max_connections=100,
    reserved_connections=3,
    used_connections=20,
    now_ms=NOW_MS,
    database_bytes=1 << 30,
    xid_age=5_000_000,
)
FOLDER = FolderFacts("data", 0o700, True, 50 << 30, 1 << 30, 4096, None)
REDIS = RedisFacts("7.2.4", 0.4, "master", False, "noeviction", 1 << 20, 0)
LEASES = tuple(
    LeaseFact("deliver", at, f"host:{at % 2}", NOW_MS + 5_000, 0, None) for at in range(4)
)
MEMBERS = tuple(MemberFact("deliver", f"host:{at}", NOW_MS + 5_000) for at in range(2))
LOG = LogFacts(NOW_MS, NOW_MS - 60, LEASES, MEMBERS, Backlog(0, 0, 0, 0, 0, None), ())


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def named(findings: list[Finding], name: str, status: Status, words: str) -> None:
    """Only this one is not well, and it says so."""
    for finding in findings:
        assert (finding.remedy is None) == (finding.status is Status.OK)
        if finding.name != name:
            assert finding.status is Status.OK, finding
    found = by_name(findings)[name]
    assert found.status is status
    assert words in found.what


def test_what_is_well_needs_no_remedy() -> None:
    found = [
        *database_rules.judge_server(SERVER),
        *database_rules.judge_transactions([], []),
        *folder_rules.judge_folder(FOLDER),
        *log_rules.judge_log(LOG, "deliver"),
        *redis_rules.judge_redis(REDIS),
        database_rules.judge_days([]),
        database_rules.judge_unvacuumed([]),
        database_rules.judge_clock(-40.0, 3.0),
        folder_rules.judge_integrity(Integrity((), finished=True)),
        log_rules.judge_schema(2, 2),
    ]
    assert {finding.status for finding in found} == {Status.OK}
    assert {finding.remedy for finding in found} == {None}


@pytest.mark.parametrize(
    ("changed", "name", "status", "words"),
    [
        ({"version": 14}, "database", Status.FAIL, "PostgreSQL 14"),
        ({"standby": True}, "database", Status.FAIL, "standby"),
        ({"schema": None}, "rights", Status.FAIL, "leads to no schema"),
        ({"may_create": False}, "rights", Status.FAIL, "may not create"),
        ({"owned": False}, "rights", Status.FAIL, "are not offhook's"),
        ({"fsync": False}, "durability", Status.FAIL, "fsync is off"),
        ({"full_page_writes": False}, "durability", Status.FAIL, "full_page_writes is off"),
        ({"synchronous_commit": "off"}, "durability", Status.WARN, "may lose"),
        ({"used_connections": 90}, "connections", Status.WARN, "7 left"),
        ({"used_connections": 99}, "connections", Status.WARN, "0 left"),
        ({"autovacuum": False}, "vacuum", Status.FAIL, "autovacuum is off"),
        ({"xid_age": 1_100_000_000}, "vacuum", Status.WARN, "1100 million"),
        ({"xid_age": 1_900_000_000}, "vacuum", Status.FAIL, "stops at 2000"),
    ],
)
def test_a_server_is_judged(
    changed: dict[str, object], name: str, status: Status, words: str
) -> None:
    named(database_rules.judge_server(replace(SERVER, **changed)), name, status, words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("skew_ms", "uncertain_ms", "status"),
    [
        (900.0, 0.0, Status.OK),
        (-1_500.0, 700.0, Status.OK),
        (-1_500.0, 5.0, Status.WARN),
        (90_000.0, 5.0, Status.FAIL),
    ],
)
def test_clocks_are_compared_as_far_as_asking_allows(
    skew_ms: float, uncertain_ms: float, status: Status
) -> None:
    assert database_rules.judge_clock(skew_ms, uncertain_ms).status is status


@pytest.mark.parametrize(("open_s", "status"), [(90.0, Status.WARN), (7_200.0, Status.FAIL)])
def test_a_long_transaction_is_named_by_its_process(open_s: float, status: Status) -> None:
    held = [OpenTransaction(7, "", "active", 61.0), OpenTransaction(42, "report", "idle", open_s)]
    found = database_rules.judge_transactions(held, [])
    named(found, "transactions", status, "pid 42 (report, idle)")


def test_a_slot_that_nobody_reads_is_named() -> None:
    slots = [Slot("small", 1 << 20), Slot("forgotten", 9 << 30)]
    found = database_rules.judge_transactions([], slots)
    named(
        found, "replication slots", Status.WARN, "nobody reads forgotten; forgotten keeps 9.0 GiB"
    )


@pytest.mark.parametrize(
    ("changed", "name", "status", "words"),
    [
        ({"mode": 0o755}, "data folder", Status.WARN, "0755"),
        ({"writable": False}, "data folder", Status.FAIL, "cannot be written"),
        ({"free_bytes": 1 << 30}, "disk", Status.WARN, "1.0 GiB free"),
        ({"free_bytes": 1 << 20}, "disk", Status.FAIL, "1.0 MiB free"),
        ({"wal_bytes": 2 << 30}, "write-ahead log", Status.WARN, "2.0 GiB"),
    ],
)
def test_a_folder_is_judged(
    changed: dict[str, object], name: str, status: Status, words: str
) -> None:
    named(folder_rules.judge_folder(replace(FOLDER, **changed)), name, status, words)  # type: ignore[arg-type]


def test_a_damaged_file_fails_and_one_read_in_part_is_said_to_be() -> None:
    damaged = folder_rules.judge_integrity(Integrity(("page 7 is torn",), finished=True))
    assert (damaged.status, "page 7" in damaged.what) == (Status.FAIL, True)
    assert "as far as" in folder_rules.judge_integrity(Integrity((), finished=False)).what


@pytest.mark.parametrize(
    ("changed", "name", "status", "words"),
    [
        ({"members": ()}, "leases", Status.WARN, "no process delivers"),
        (
            {"leases": (*LEASES, replace(LEASES[0], partition=4, owner="dead", until_ms=0))},
            "leases",
            Status.FAIL,
            "1 partitions have no live owner (deliver 4); left by dead",
        ),
        (
            {"leases": (*LEASES, replace(LEASES[0], events=9, waiting_ms=NOW_MS - HOUR_MS // 6))},
            "lag",
            Status.WARN,
            "9 events after the cursors, the oldest from 10 min ago",
        ),
        (
            {"leases": (*LEASES, replace(LEASES[0], events=9, waiting_ms=NOW_MS - 3 * HOUR_MS))},
            "lag",
            Status.FAIL,
            "3 h ago",
        ),
        (
            {"backlog": Backlog(4, 2, 0, 0, 3, NOW_MS - 300_000)},
            "backlog",
            Status.WARN,
            "due since 5 min, 3 for more than 60 s",
        ),
        ({"held": ("wh_b", "wh_a")}, "endpoints behind", Status.WARN, "wh_a, wh_b"),
        ({"backlog": Backlog(0, 0, 2, 1, 0, None)}, "given up", Status.WARN, "2 failed"),
        ({"newest_ms": NOW_MS + 90_000}, "newest event", Status.WARN, "90 s ahead"),
    ],
)
def test_a_log_is_judged(changed: dict[str, object], name: str, status: Status, words: str) -> None:
    named(log_rules.judge_log(replace(LOG, **changed), "deliver"), name, status, words)  # type: ignore[arg-type]


def test_partitions_of_a_stopped_installation_are_nobodys_and_no_orphans() -> None:
    stopped = replace(LOG, members=(), leases=tuple(replace(it, until_ms=0) for it in LEASES))
    assert log_rules.orphans(stopped) == []


def test_a_timers_lease_has_no_cursor_to_lag() -> None:
    timers = LeaseFact("timers", 0, "host:0", NOW_MS + 5_000, 500, NOW_MS - 9 * HOUR_MS)
    found = by_name(log_rules.judge_log(replace(LOG, leases=(*LEASES, timers)), "deliver"))
    assert found["lag"].status is Status.OK


@pytest.mark.parametrize(("found", "status"), [(1, Status.WARN), (2, Status.OK), (9, Status.FAIL)])
def test_a_schema_is_older_known_or_newer(found: int, status: Status) -> None:
    assert log_rules.judge_schema(found, 2).status is status


@pytest.mark.parametrize(
    ("changed", "name", "status"),
    [
        ({"version": "5.0.7"}, "redis", Status.WARN),
        ({"clustered": True}, "redis", Status.FAIL),
        ({"role": "slave"}, "redis", Status.FAIL),
        ({"answer_ms": 80.0}, "redis", Status.WARN),
        ({"max_bytes": 1 << 30, "policy": "allkeys-lru"}, "redis memory", Status.WARN),
        ({"max_bytes": 1 << 20}, "redis memory", Status.WARN),
    ],
)
def test_a_redis_is_judged(changed: dict[str, object], name: str, status: Status) -> None:
    named(redis_rules.judge_redis(replace(REDIS, **changed)), name, status, "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(0, "0 ms"), (999, "999 ms"), (61_000, "61 s"), (300_000, "5 min"), (9 * HOUR_MS, "9 h")],
)
def test_lengths_of_time_are_told_in_their_unit(milliseconds: float, words: str) -> None:
    assert lasting(milliseconds) == words


def test_sizes_and_lists_are_told_short() -> None:
    assert [sized(it) for it in (0, 1023, 1536, 20 << 30)] == ["0 B", "1023 B", "1.5 KiB", "20 GiB"]
    assert listed([str(it) for it in range(7)]) == "0, 1, 2, 3, 4 and 2 more"
