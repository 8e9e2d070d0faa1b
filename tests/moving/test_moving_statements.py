"""The statements of a copy and of a check-up stand in files, each used, each one statement."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import offhook.doctor
import offhook.moving
from offhook.moving.tables import TABLES

PACKAGES = [Path(package.__path__[0]) for package in (offhook.doctor, offhook.moving)]
FILES = [path for package in PACKAGES for path in sorted(package.glob("sql/*/*.sql"))]
STATEMENT = re.compile(r"\s*(SELECT|UPDATE|LOCK|ANALYZE|PRAGMA)\b")


def texts(package: Path) -> Iterator[str]:
    """Every string in the package's Python that is no docstring."""
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.mark.parametrize("file", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_holds_one_statement(file: Path) -> None:
    code = "\n".join(line.partition("--")[0] for line in file.read_text().splitlines())
    assert ";" not in code
    assert STATEMENT.match(code)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_every_file_is_used_and_python_holds_no_sql(package: Path) -> None:
    said = set(texts(package))
    assert {path.stem for path in package.glob("sql/*/*.sql")} <= said
    assert [text for text in said if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE) \w", text)] == []


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_every_table_that_moves_has_its_statement_in_both_dialects(dialect: str) -> None:
    there = {path.stem for path in FILES if path.parts[-4:-1] == ("moving", "sql", dialect)}
    assert {table.name for table in TABLES} <= there
