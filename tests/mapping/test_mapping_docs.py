"""The documentation names every option, coercion, condition, unit and format, and its examples
compile."""

import json
import re
from pathlib import Path

import pytest

from offhook.mapping.compiler import compile_mapping
from offhook.mapping.formats import NAMED
from offhook.mapping.numbers import UNITS
from offhook.mapping.rules import COERCIONS, OPTIONS, TESTS

TEXT = (Path(__file__).parents[2] / "docs/mapping.md").read_text()
EXAMPLES = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("name", [*OPTIONS, *COERCIONS, *TESTS, *UNITS, *NAMED])
def test_every_word_of_the_language_is_documented(name: str):
    assert f"`{name}`" in TEXT or f'"{name}"' in TEXT


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_compiles(example: str):
    assert compile_mapping(json.loads(example)).targets


def test_there_are_examples():
    assert len(EXAMPLES) >= 3
