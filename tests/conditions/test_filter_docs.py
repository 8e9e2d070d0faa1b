"""The page on filters is true: its examples can be evaluated, its tables are complete."""

import re
from pathlib import Path

import pytest
from test_conditions import event

from offhook.conditions import bounds, facts, patterns, work
from offhook.conditions.condition import compile_condition
from offhook.delivery.webhooks.filtering import filter_warnings

TEXT = (Path(__file__).parents[2] / "docs/filters.md").read_text()
EXAMPLES = re.findall(r"```cel\n(.*?)```", TEXT, re.DOTALL)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_can_be_evaluated_on_a_finished_call_without_a_warning(example: str) -> None:
    condition = compile_condition(example)
    assert condition.holds(facts.facts_of(event(), condition.fields)) in {True, False}
    assert filter_warnings(example, ("call.ended",)) == []


def test_every_name_that_a_filter_may_use_is_described() -> None:
    described = re.findall(r"^\| `(\w+)` \| (?:text|object|whole|true)", TEXT, re.MULTILINE)
    assert set(described) == {"data", *facts.ENVELOPE}


@pytest.mark.parametrize("money", sorted(facts.MONEY))
def test_every_field_that_holds_money_is_named(money: str) -> None:
    assert f"`{money}`" in TEXT


@pytest.mark.parametrize(
    "bound",
    [
        bounds.MAX_LENGTH,
        bounds.MAX_LENGTH_WITH_LOOPS,
        bounds.MAX_LOOPS,
        bounds.MAX_SUMS,
        facts.MAX_TEXT,
        facts.MAX_ITEMS,
        facts.MAX_NODES,
        patterns.MAX_PATTERN,
        patterns.MAX_REPEATS,
        patterns.MAX_STATES,
        patterns.MAX_STEPS,
        work.MAX_WORK,
    ],
)
def test_every_bound_is_in_the_table(bound: int) -> None:
    table = TEXT[TEXT.index("### Bounds") : TEXT.index("`map` and `filter`")]
    assert re.search(rf"\b{bound:,}\b", table)
