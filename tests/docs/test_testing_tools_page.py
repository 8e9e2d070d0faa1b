"""The page of the testing tools speaks of options and steps that there are."""

import re
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from offhook.cli import cli
from offhook.tools.verdict import Step

PAGE = (Path(__file__).parents[2] / "docs/testing-tools.md").read_text()
SECTION = re.compile(r"^## offhook (\w+)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
SECTIONS = dict(SECTION.findall(PAGE))


@pytest.mark.parametrize("name", ["listen", "trigger", "selftest"])
def test_every_option_named_exists(name: str) -> None:
    group = get_command(cli)
    assert isinstance(group, TyperGroup)
    known = {option for each in group.commands[name].params for option in each.opts}
    named = set(re.findall(r"--[a-z][a-z-]*", SECTIONS[name]))
    assert named
    assert named <= known


def test_every_step_of_a_self_test_is_in_the_table() -> None:
    told = re.findall(r"^\| `(\w+)` \|", SECTIONS["selftest"], re.MULTILINE)
    assert told == [step.value for step in Step]
