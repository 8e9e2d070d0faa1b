"""Refusals have one shape and documented codes, and each kind has its status."""

import importlib
import pkgutil
import re
from pathlib import Path

import msgspec
import pytest

import offhook
from offhook.api.auth import Scope
from offhook.api.problems import CODES, STATUS, internal_problem, problem_of
from offhook.model.errors import FieldError, Invalid, OffhookError, Overloaded

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs/errors.md").read_text()

# Refusals of the command line and of the receiver's kit: no answer of the API carries them.
ELSEWHERE = {
    "error",
    "copy_differs",
    "data_in_use",
    "data_unusable",
    "database_unusable",
    "invalid_setting",
    "invalid_signature",
    "not_installed",
    "not_replayed",
    "refused",
    "schema_newer",
    "schema_older",
    "secret_unreadable",
    "unreachable",
}


def used_codes() -> set[str]:
    source = "".join(path.read_text() for path in (ROOT / "src/offhook").rglob("*.py"))
    return set(re.findall(r"""\bcode ?= ?"([a-z_]+)\"""", source))


def test_every_code_in_use_is_listed_and_every_listed_code_is_in_use() -> None:
    assert used_codes() - ELSEWHERE == CODES.keys() - {"internal"}


def test_the_docs_list_the_same_codes_with_the_same_words() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \| (.+?) \| .+ \|$", DOCS, re.MULTILINE)
    assert {code: meaning for code, _, meaning in rows} == CODES


def test_the_docs_give_each_code_the_status_of_its_kind() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", DOCS, re.MULTILINE)
    told = {code: int(status) for code, status in rows}
    for kind, status in STATUS.items():
        assert told[kind.code] == status


def test_the_docs_list_every_scope() -> None:
    assert re.findall(r"^\| `([a-z:]+)` \| [a-z]", DOCS, re.MULTILINE) == [*Scope]


def test_every_kind_of_refusal_of_the_api_has_a_status() -> None:
    for package in ("api", "model", "log", "delivery", "resources"):
        for module in pkgutil.iter_modules([str(Path(offhook.__file__).parent / package)]):
            importlib.import_module(f"offhook.{package}.{module.name}")
    kinds = {kind for kind in OffhookError.__subclasses__() if kind.code not in ELSEWHERE}
    assert kinds <= STATUS.keys()


def test_a_problem_has_its_six_members_and_a_fault_of_ours_a_seventh() -> None:
    refusal = msgspec.to_builtins(problem_of(Invalid("x.", FieldError("body.a", "is x"))))
    assert refusal == {
        "type": "urn:offhook:problem:invalid",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "x.",
        "code": "invalid",
        "errors": [{"path": "body.a", "message": "is x"}],
    }
    fault = msgspec.to_builtins(internal_problem("req_1"))
    assert fault.keys() == refusal.keys() | {"request_id"}
    assert (fault["status"], fault["code"], fault["errors"]) == (500, "internal", [])


@pytest.mark.parametrize(
    ("path", "placed"),
    [
        ("body", "body.items.3"),
        ("body.data.x", "body.items.3.data.x"),
        ("body.items.3.id", "body.items.3.id"),
        ("header.authorization", "header.authorization"),
    ],
)
def test_what_is_refused_in_a_batch_says_in_which_item(path: str, placed: str) -> None:
    problem = problem_of(Invalid("x.", FieldError(path, "y")), within="body.items.3")
    assert isinstance(problem.errors, list)
    assert [error.path for error in problem.errors] == [placed]


def test_a_refusal_of_a_refined_kind_answers_as_its_base() -> None:
    class Fuller(Overloaded):
        pass

    assert problem_of(Fuller("x")).status == 503
