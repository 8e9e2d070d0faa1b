"""The steps of the schema, as files: the same numbers and names for every dialect."""

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. ``phase`` is ``expand`` for what the release before can live with."""

    version: int
    name: str
    phase: str
    script: str


@dataclass(frozen=True, slots=True)
class Migrated:
    """What became of a schema: the version it was found at, and the steps taken from there."""

    found: int
    steps: tuple[Migration, ...]

    @property
    def version(self) -> int:
        """The version it is at now."""
        return self.steps[-1].version if self.steps else self.found


def known_migrations(dialect: str) -> list[Migration]:
    """All steps in order; each file's first line is ``-- phase: expand`` or ``contract``."""
    folder = files("offhook.store") / "migrations" / dialect
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return [
        _read(entry.name, entry.read_text("utf-8"))
        for entry in entries
        if entry.name.endswith(".sql")
    ]


def _read(file_name: str, text: str) -> Migration:
    number, _, name = file_name.removesuffix(".sql").partition("_")
    phase = text.partition("\n")[0].removeprefix("-- phase: ").strip()
    return Migration(int(number), name, phase, text)
