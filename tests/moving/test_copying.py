"""A copy is the same log at new places, or it is nothing."""

import asyncio
import json
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import asyncpg
import pytest
from installation import DIGEST, STORED_KEY, TRIMMED, Installation, Nobody

from offhook.delivery.entries import DeliveryFilter, DeliveryStatus, DeliveryView
from offhook.demo.processes import clean_environment
from offhook.log.entries import Appended, FeedFilter
from offhook.log.fold import fold
from offhook.log.queries import CallFilter
from offhook.model.errors import OffhookError
from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId, partition_of
from offhook.moving.copying import CopyReport, Differs, copy
from offhook.moving.tables import TABLES
from offhook.store.keyring import Keyring
from offhook.store.postgres import PostgresStore, open_postgres
from offhook.store.postgres.migrations import migrate_database
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.conformance.material import plain, whole_log
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench, in_order
from offhook.testing.network import ScriptedNetwork

LEFT_BEHIND = {"schema_version", "partition_head", "installation", "member", "endpoint_share"}
MADE_ANEW = {"lease": {"owner", "suspect"}, "dispatch_request": {"id"}, "announcement": {"id"}}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def stopped(tmp_path: Path, clock: FakeClock) -> Installation:
    made = Installation(tmp_path / "data", clock)
    await made.fill()
    return made


async def moved(stopped: Installation, url: str, partitions: int = 16) -> CopyReport:
    return await copy(str(stopped.folder), url, partitions, Nobody())


@pytest.fixture
async def store(
    stopped: Installation, clock: FakeClock, postgres18_url: str
) -> AsyncIterator[PostgresStore]:
    """The new log, open."""
    await moved(stopped, postgres18_url)
    opened = await open_postgres(
        postgres18_url, clock=clock, keyring=Keyring.in_folder(stopped.folder)
    )
    yield opened
    await opened.close()


def content(event: LogEvent) -> tuple[object, ...]:
    """All of it but its place."""
    return tuple(getattr(event, name) for name in event.__struct_fields__[2:])


async def timeline(store: PostgresStore, key: str) -> list[str]:
    found = await store.feed.feed(DEFAULT_ACCOUNT, {}, 10_000, FeedFilter(key=key))
    return [event.id for event in found.events]


async def views(store: ConformingStore) -> Counter[tuple[object, ...]]:
    """All deliveries that left a trace, without their places."""
    return Counter(map(_place_free, await listed(store, DeliveryFilter())))


def _place_free(view: DeliveryView) -> tuple[object, ...]:
    last = view.last_attempt
    attempt = last and (last.number, last.started_ms, last.status, last.response or None)
    named = (view.webhook, view.event_id, view.event_type, view.key)
    return *named, view.status, view.attempts, view.next_attempt_ms, attempt, view.reason


async def test_every_version_of_postgresql_takes_the_same_copy(
    stopped: Installation, postgres_url: str
) -> None:
    report = await moved(stopped, postgres_url)
    assert report.same
    assert {table.table for table in report.tables} == {table.name for table in TABLES}
    assert all(table.rows for table in report.tables)
    assert report.partitions == 16


@pytest.mark.parametrize("partitions", [1, 3])
async def test_any_number_of_partitions_takes_the_same_copy(
    stopped: Installation, postgres18_url: str, partitions: int
) -> None:
    report = await moved(stopped, postgres18_url, partitions)
    assert report.same
    assert report.partitions == partitions


async def test_the_log_has_the_same_events_in_the_old_order_at_gapless_places(
    stopped: Installation, store: PostgresStore
) -> None:
    old, new = stopped.log[TRIMMED:], await whole_log(store)
    by_partition = defaultdict(list)
    for event in old:
        by_partition[partition_of(event.account, event.key, 16)].append(content(event))
    for partition, expected in by_partition.items():
        stands = [event for event in new if event.partition == partition]
        assert [event.position for event in stands] == list(range(1, len(stands) + 1))
        assert [content(event) for event in stands] == expected
    assert len(new) == len(old)


async def test_timelines_calls_keys_and_timers_are_the_same(
    stopped: Installation, store: PostgresStore, clock: FakeClock
) -> None:
    kept = stopped.log[TRIMMED:]
    for key in {event.key for event in kept if event.account == DEFAULT_ACCOUNT}:
        own = [event.id for event in kept if (event.account, event.key) == (DEFAULT_ACCOUNT, key)]
        assert await timeline(store, key) == own
    assert await store.keys.key(DIGEST) == STORED_KEY
    assert store.token_key == stopped.token_key
    clock.advance(86_400)
    old = open_sqlite(stopped.folder, clock=clock)
    asked = (DEFAULT_ACCOUNT, CallFilter(duplicates=True), None, 100)
    assert await store.calls.calls(*asked) == await old.calls.calls(*asked)
    timers = await old.timers.due_timers([0], 100)
    assert timers
    assert await store.timers.due_timers(range(16), 100) == timers
    await old.close()


async def test_deliveries_look_the_same_to_their_readers(
    stopped: Installation, store: PostgresStore, clock: FakeClock
) -> None:
    old = open_sqlite(stopped.folder, clock=clock)
    assert await views(store) == await views(old)
    for webhook in await old.webhooks.list_webhooks(DEFAULT_ACCOUNT, None, 100):
        new = await store.webhooks.webhook(DEFAULT_ACCOUNT, webhook.id)
        assert new is not None
        assert new.secrets == webhook.secrets
        assert new.document == webhook.document
        assert (new.revision, new.disabled_reason) == (webhook.revision, webhook.disabled_reason)
        assert new.health == webhook.health
        assert new.filter_faults == webhook.filter_faults
    await old.close()


async def test_what_was_taken_once_is_known_still_and_sequences_go_on(
    stopped: Installation, store: PostgresStore
) -> None:
    again = [plain(f"own-{n}", given=f"given-{n}", headers={"x-n": f"{n}"}) for n in range(6)]
    outcomes = await store.log.append([*again, plain("a"), plain("own-3")], fold)
    assert not any(isinstance(outcome, Appended) for outcome in outcomes[:6])
    last = {event.key: event for event in stopped.log if event.account == DEFAULT_ACCOUNT}
    for outcome, key in zip(outcomes[6:], ("a", "own-3"), strict=True):
        assert isinstance(outcome, Appended)
        assert outcome.event.sequence == last[key].sequence + 1
    new = {event.id: event for event in await whole_log(store)}
    newest = max(event.created_ms for event in stopped.log)
    assert all(new[it.event.id].created_ms > newest for it in outcomes if isinstance(it, Appended))


async def test_delivery_goes_on_exactly_where_it_stopped(
    stopped: Installation, store: PostgresStore, clock: FakeClock
) -> None:
    """Each endpoint gets what it had not accepted, nothing twice, in order per key."""
    bench = Bench(store, clock, ScriptedNetwork())
    await bench.settle()
    await bench.pass_time(7_200, step_s=600)
    before = Counter((each.url, each.id) for each in stopped.network.accepted)
    after = Counter((each.url, each.id) for each in bench.network.accepted)
    assert not before & after
    assert set(after.values()) == {1}
    everything = before + after
    for name in ("steady", "torn", "slow", "late"):
        url = f"https://{name}.example/hook"
        got = {id_ for each, id_ in everything if each == url}
        first = next(at for at, event in enumerate(stopped.log) if event.id in got)
        assert first == 0 or name in {"slow", "late"}
        expected = [event for event in stopped.log[first:] if event.account == DEFAULT_ACCOUNT]
        assert got == {event.id for event in expected if not event.test}
        for key in {event.key for event in expected}:
            arrived = stopped.network.sequences(key, url) + bench.network.sequences(key, url)
            assert in_order(arrived)
    retried = DeliveryFilter(webhook=WebhookId("wh_strict"), status=DeliveryStatus.FAILED)
    assert len(await listed(store, retried)) == 3


async def test_a_feed_of_everything_has_each_event_once(
    stopped: Installation, store: PostgresStore
) -> None:
    seen: list[LogEvent] = []
    after: dict[int, int] = {}
    while True:
        page = await store.feed.feed(DEFAULT_ACCOUNT, after, 100, FeedFilter())
        seen += page.events
        if not page.more:
            break
        after = page.after
    own = [event for event in stopped.log[TRIMMED:] if event.account == DEFAULT_ACCOUNT]
    assert Counter(event.id for event in seen) == Counter(event.id for event in own)
    assert [event.created_ms for event in seen] == sorted(event.created_ms for event in seen)


async def connected(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url)


async def emptiness(url: str) -> set[str]:
    """The tables in which something is."""
    raw = await connected(url)
    found = {t.name for t in TABLES if await raw.fetchval(f"SELECT count(*) FROM {t.name}")}
    await raw.close()
    return found


SPOILT = {
    "event": "NEW.previous := NULL",
    "event_kept": "NEW.sequence := NEW.sequence + 1",
    "key_head": "NEW.last_position := NEW.last_position + 1",
    "call": "NEW.state := NEW.state || 'x'::bytea",
    "event_key": "NEW.created_ms := NEW.created_ms + 1",
    "timer": "NEW.partition := (NEW.partition + 1) % 16",
    "lease": "NEW.cursor := NEW.cursor + 1",
    "held": "NEW.from_position := NEW.from_position + 1",
    "webhook_start": "NEW.position := greatest(NEW.position - 1, 0)",
    "pending": "NEW.position := NEW.position + 1",
    "attempt": "NEW.position := NEW.position + 1",
    "replay": "NEW.until_ms := NEW.until_ms + 1",
    "replay_range": "NEW.matched := NEW.matched + 1",
    "dispatch_request": "NEW.position := NEW.position + 1",
    "announcement": "NEW.data := NEW.data || 'x'::bytea",
    "resource": "NEW.document := NEW.document || ' '",
    "webhook_secret": "NEW.secret := NEW.secret || 'x'",
    "account": "NEW.config_version := NEW.config_version + 1",
    "api_key": "NEW.test := NOT NEW.test",
    "endpoint_minute": "NEW.attempts := NEW.attempts + 1",
    "filter_fault": "NEW.errors := NEW.errors + 1",
    "endpoint_health": "NEW.failures := NEW.failures + 1",
}
ROWS_LOST = "IF random() < 0.5 THEN RETURN NULL; END IF"


async def spoil(url: str, table: str, change: str) -> None:
    """Have each row of the table changed as it is written."""
    await migrate_database(url, 16)
    raw = await connected(url)
    await raw.execute(
        f"CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$"
        f"BEGIN {change}; RETURN NEW; END $$;"
        f"CREATE TRIGGER spoil BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION spoil();"
    )
    await raw.close()


@pytest.mark.parametrize("table", [table.name for table in TABLES])
async def test_what_is_not_the_same_on_both_sides_is_found_and_undone(
    stopped: Installation, postgres18_url: str, table: str
) -> None:
    await spoil(postgres18_url, table, SPOILT[table])
    with pytest.raises(Differs, match="undone") as differs:
        await moved(stopped, postgres18_url)
    wrong = {each.table for each in differs.value.report.tables if not each.same}
    assert table in wrong
    assert table == "event" or wrong == {table}
    assert await emptiness(postgres18_url) == set()


@pytest.mark.parametrize("table", ["event", "attempt", "webhook_start"])
async def test_rows_that_are_missing_are_found(
    stopped: Installation, postgres18_url: str, table: str
) -> None:
    await spoil(postgres18_url, table, ROWS_LOST)
    with pytest.raises(Differs):
        await moved(stopped, postgres18_url)
    assert await emptiness(postgres18_url) == set()


async def test_a_copy_that_fails_half_way_leaves_nothing_and_can_be_made_again(
    stopped: Installation, postgres18_url: str
) -> None:
    await spoil(postgres18_url, "attempt", "RAISE EXCEPTION 'the disk is full'")
    with pytest.raises(OffhookError, match="the disk is full"):
        await moved(stopped, postgres18_url)
    assert await emptiness(postgres18_url) == set()
    raw = await connected(postgres18_url)
    await raw.execute("DROP TRIGGER spoil ON attempt")
    await raw.close()
    assert (await moved(stopped, postgres18_url)).same


async def test_an_error_that_postgresql_cannot_spell_does_not_stop_the_copy(
    stopped: Installation, postgres18_url: str
) -> None:
    raw = apsw.Connection(str(stopped.folder / "offhook.db"))
    raw.execute("UPDATE attempt SET error = ? WHERE NOT accepted", ("bad header: a\x00b",))
    raw.close()
    assert (await moved(stopped, postgres18_url)).same
    reader = await connected(postgres18_url)
    assert await reader.fetchval("SELECT max(error) FROM attempt") == "bad header: a\ufffdb"
    await reader.close()


async def test_a_server_that_starts_meanwhile_waits_and_finds_the_whole_log(
    stopped: Installation, clock: FakeClock, postgres18_url: str
) -> None:
    class Starts(Nobody):
        """Starts a server once events were copied."""

        server: asyncio.Task[PostgresStore] | None = None
        waits = False

        def passed(self, step: str, rows: int) -> None:
            if step == "copying call" and self.server is None:
                self.server = asyncio.create_task(
                    open_postgres(
                        postgres18_url,
                        clock=clock,
                        keyring=Keyring.in_folder(stopped.folder),
                    )
                )
            elif self.server is not None:
                self.waits = not self.server.done()

    watch = Starts()
    await copy(str(stopped.folder), postgres18_url, 16, watch)
    assert watch.server is not None
    assert watch.waits
    store = await watch.server
    assert len(await whole_log(store)) == len(stopped.log) - TRIMMED
    await store.close()


async def test_the_command_prints_both_sides_and_fails_where_they_differ(
    stopped: Installation, postgres18_url: str
) -> None:
    arguments = ("copy", "--from", str(stopped.folder), "--to", postgres18_url)
    await spoil(postgres18_url, "held", SPOILT["held"])
    code, out, errors = await offhook(*arguments, "--json")
    told = json.loads(out)
    assert (code, told["verified"]) == (1, False)
    assert [table["table"] for table in told["tables"] if not table["same"]] == ["held"]
    assert "all of it was undone" in errors
    raw = await connected(postgres18_url)
    await raw.execute("DROP TRIGGER spoil ON held")
    await raw.close()
    code, out, errors = await offhook(*arguments)
    assert (code, errors) == (0, "")
    assert "DIFFERENT" not in out
    assert "Verified: both sides hold the same, in 16 partitions." in out


async def offhook(*arguments: str) -> tuple[int, str, str]:
    """Run a command; exit code, what it said and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", *arguments),
        env=clean_environment({}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, out.decode(), errors.decode()


async def test_the_old_installation_is_left_as_it_was(
    stopped: Installation, clock: FakeClock, postgres18_url: str
) -> None:
    before = dump(stopped.folder)
    await moved(stopped, postgres18_url)
    assert dump(stopped.folder) == before
    await open_sqlite(stopped.folder, clock=clock).close()


def dump(folder: Path) -> dict[str, list[object]]:
    raw = apsw.Connection(str(folder / "offhook.db"))
    tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
    rows = {name: list(raw.execute(f"SELECT * FROM {name}")) for name in tables}
    raw.close()
    return rows  # type: ignore[return-value]


async def test_a_database_with_anything_in_it_is_refused_by_what_is_there(
    stopped: Installation, postgres18_url: str
) -> None:
    await moved(stopped, postgres18_url)
    with pytest.raises(
        OffhookError, match=r"not empty: there are rows in event, event_kept, key_head, .*account"
    ):
        await moved(stopped, postgres18_url)


async def test_a_folder_whose_server_runs_is_refused_and_the_server_named(
    stopped: Installation, clock: FakeClock, postgres18_url: str
) -> None:
    store = open_sqlite(stopped.folder, clock=clock)
    with pytest.raises(OffhookError, match=r"in use by another Offhook process \(pid \d+\)"):
        await moved(stopped, postgres18_url)
    await store.close()


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("nowhere", "postgresql://x/y", "no installation in nowhere"),
        ("sqlite:///nowhere", "postgresql://x/y", "no installation in /nowhere"),
        ("postgresql://x/y", "postgresql://x/y", "--from 'postgresql://x/y' is no installation"),
        ("sqlite://host/path", "postgresql://x/y", "--from 'sqlite://host/path' is no install"),
    ],
)
async def test_a_source_that_is_none_is_refused(source: str, target: str, why: str) -> None:
    with pytest.raises(OffhookError, match=why):
        await copy(source, target, 16, Nobody())


@pytest.mark.parametrize("target", ["sqlite:///somewhere", "somewhere", "redis://:secret@host/0"])
async def test_a_target_that_is_none_is_refused_without_its_password(
    stopped: Installation, target: str
) -> None:
    with pytest.raises(OffhookError, match="is no URL of a PostgreSQL database") as refused:
        await copy(f"sqlite://{stopped.folder}", target, 16, Nobody())
    assert "secret" not in refused.value.detail


@pytest.mark.parametrize(("version", "why"), [(1, "run offhook migrate"), (99, "newer Offhook")])
async def test_an_installation_of_another_release_is_refused(
    stopped: Installation, postgres18_url: str, version: int, why: str
) -> None:
    raw = apsw.Connection(str(stopped.folder / "offhook.db"))
    raw.execute("DELETE FROM schema_version")
    raw.execute("INSERT INTO schema_version VALUES (?, 'x', 0)", (version,))
    raw.close()
    with pytest.raises(OffhookError, match=why):
        await moved(stopped, postgres18_url)


async def test_every_table_and_column_is_moved_or_made_anew(
    stopped: Installation, postgres18_url: str
) -> None:
    await migrate_database(postgres18_url, 16)
    raw = await connected(postgres18_url)
    rows = await raw.fetch(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema()"
    )
    await raw.close()
    there = {(table, column) for table, column in rows if table not in LEFT_BEHIND}
    named = {(table.name, column) for table in TABLES for column in table.columns}
    named |= {(table, column) for table, columns in MADE_ANEW.items() for column in columns}
    assert named == there
    tables = {name for name in dump(stopped.folder) if not name.startswith("sqlite_")}
    assert tables - LEFT_BEHIND == {table.name for table in TABLES}
