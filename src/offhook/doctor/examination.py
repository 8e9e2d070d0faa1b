"""The whole check-up: each part is read, then judged; what cannot be read is a finding too."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import apsw

from offhook.delivery.engine.dispatcher import CONSUMER
from offhook.doctor import database, database_rules, folder, folder_rules, log_rules, redis_rules
from offhook.doctor.configuration import Stated, judge_settings
from offhook.doctor.findings import Finding, fail, ok
from offhook.doctor.log_rules import LogFacts
from offhook.doctor.redis import UNREACHABLE, read_redis
from offhook.doctor.secret_rules import judge_secrets
from offhook.doctor.secrets import read_secrets
from offhook.log.leasing import LEASE_S
from offhook.opening import keyring_of
from offhook.settings import Settings
from offhook.store.migrations import known_migrations
from offhook.store.postgres.migrations import DIALECT as POSTGRES
from offhook.store.postgres.reaching import UNUSABLE, shown, told
from offhook.store.sqlite.migrations import DIALECT as SQLITE


async def examine(settings: Settings, stated: list[Stated]) -> list[Finding]:
    """The settings, those that are ``stated`` among them, and everything that they name."""
    return [judge_settings(settings, stated), *[each async for each in _examine(settings)]]


async def _examine(settings: Settings) -> AsyncIterator[Finding]:
    if settings.database is None:
        for finding in _examine_folder(settings):
            yield finding
    else:
        async for finding in _examine_database(settings, settings.database):
            yield finding
    for finding in await _examine_redis(settings.redis):
        yield finding


def _examine_folder(settings: Settings) -> Iterator[Finding]:
    facts = folder.read_folder(settings.data)
    if facts is None:
        yield folder_rules.judge_no_folder(str(settings.data))
        return
    yield from folder_rules.judge_folder(facts)
    try:
        with folder.opened(settings.data) as read:
            yield folder_rules.judge_integrity(read.integrity())
            known = known_migrations(SQLITE)[-1].version
            found = read.schema()
            yield log_rules.judge_schema(found, known)
            if found == known:
                yield judge_secrets(read_secrets(keyring_of(settings), *read.sealed()))
                yield from log_rules.judge_log(read.log(time.time_ns() // 1_000_000), CONSUMER)
    except apsw.Error as error:
        yield fail(
            "file",
            f"SQLite cannot read it ({error})",
            "stop the server, keep a copy of the folder, and restore the last good backup",
        )


async def _examine_database(settings: Settings, url: str) -> AsyncIterator[Finding]:
    reached = False
    try:
        async with database.opened(url) as read:
            reached = True
            async for finding in _examine_server(settings, read):
                yield finding
    except UNUSABLE as error:
        judge = database_rules.judge_interrupted if reached else database_rules.judge_unreachable
        yield judge(shown(url), told(error))


async def _examine_server(
    settings: Settings, read: database.PostgresFacts
) -> AsyncIterator[Finding]:
    facts = await read.server()
    for finding in database_rules.judge_server(facts):
        yield finding
    yield database_rules.judge_clock(*await read.skew_ms())
    if facts.standby or facts.schema is None:
        return
    open_, slots = await read.open_transactions(), await read.slots()
    for finding in database_rules.judge_transactions(open_, slots):
        yield finding
    found, known = await read.schema(), known_migrations(POSTGRES)[-1].version
    yield log_rules.judge_schema(found, known)
    if found == known:
        yield judge_secrets(read_secrets(keyring_of(settings), *await read.sealed()))
        yield database_rules.judge_days(await read.missing_days())
        yield database_rules.judge_unvacuumed(await read.unvacuumed())
        for finding in log_rules.judge_log(await _settled_log(read), CONSUMER):
            yield finding


async def _settled_log(read: database.PostgresFacts) -> LogFacts:
    """The log, where partitions that are only just changing hands have got their new owner."""
    facts = await read.log()
    if not log_rules.orphans(facts):
        return facts
    await asyncio.sleep(LEASE_S)
    return await read.log()


async def _examine_redis(url: str | None) -> list[Finding]:
    if url is None:
        return [ok("redis", "none is set: each process counts requests for itself")]
    try:
        return redis_rules.judge_redis(await read_redis(url))
    except UNREACHABLE as error:
        return [redis_rules.judge_unreachable(shown(url), told(error))]
