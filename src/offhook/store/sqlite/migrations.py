"""Numbered, forward-only steps from an empty file to the schema this release knows."""

from dataclasses import dataclass
from importlib.resources import files

from offhook.model.errors import OffhookError
from offhook.store.sqlite.connection import Connection


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. ``phase`` is ``expand`` for what the release before can live with."""

    version: int
    name: str
    phase: str
    script: str


def known_migrations() -> list[Migration]:
    """All steps in order; each file's first line is ``-- phase: expand`` or ``contract``."""
    folder = files("offhook.store") / "migrations" / "sqlite"
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return [_read(entry.name, entry.read_text("utf-8")) for entry in entries]


def migrate(connection: Connection, now_ms: int) -> int:
    """Bring the schema up to date, each step in its own transaction; returns its version.

    Raises ``OffhookError`` when a newer release wrote the database.
    """
    connection.run("schema_version_create")
    found: int = connection.value("schema_version")
    steps = known_migrations()
    if found > steps[-1].version:
        raise OffhookError(
            f"The database was written by a newer Offhook (schema {found}; this release knows up "
            f"to {steps[-1].version}): upgrade Offhook, or give another folder with --data.",
            code="schema_newer",
        )
    for step in steps[found:]:
        _apply(connection, step, now_ms)
    return steps[-1].version


def _read(file_name: str, text: str) -> Migration:
    number, _, name = file_name.removesuffix(".sql").partition("_")
    phase = text.partition("\n")[0].removeprefix("-- phase: ").strip()
    return Migration(int(number), name, phase, text)


def _apply(connection: Connection, step: Migration, now_ms: int) -> None:
    with connection.transaction():
        connection.script(step.script)
        connection.run(
            "schema_version_add", version=step.version, name=step.name, applied_ms=now_ms
        )
