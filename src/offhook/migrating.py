"""Bringing the schema up to date without serving."""

from dataclasses import dataclass

import msgspec

from offhook.opening import place
from offhook.settings import Settings
from offhook.store.migrations import Migrated
from offhook.store.postgres.migrations import migrate_database
from offhook.store.sqlite.migrations import migrate_folder


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was taken. Before one of the phase ``expand`` the release before may be at
    work; one of the phase ``contract`` is for when none of it is."""

    version: int
    name: str
    phase: str


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """From which version the schema in ``place`` was brought to which, and how."""

    place: str
    found: int
    version: int
    steps: tuple[Step, ...]


async def migrate(settings: Settings, now_ms: int) -> MigrationReport:
    """Bring the schema of the database, else of the data folder, up to date, making it if need be.

    Raises ``OffhookError`` when a server uses the folder, when the database cannot be used, or when
    a newer release wrote it.
    """
    if settings.database is None:
        done = migrate_folder(settings.data, now_ms)
    else:
        done = await migrate_database(settings.database, settings.partitions)
    return _report(place(settings), done)


def as_json(report: MigrationReport) -> str:
    """The report, for programs."""
    return msgspec.json.encode(report).decode()


def as_text(report: MigrationReport) -> str:
    """The report, for people."""
    if not report.steps:
        return f"{report.place}: the schema is at version {report.version}, nothing to do"
    steps = [f"  {step.version} {step.name} ({step.phase})" for step in report.steps]
    brought = f"the schema was brought from version {report.found} to {report.version}"
    return "\n".join([f"{report.place}: {brought}", *steps])


def _report(where: str, done: Migrated) -> MigrationReport:
    steps = tuple(Step(step.version, step.name, step.phase) for step in done.steps)
    return MigrationReport(where, done.found, done.version, steps)
