"""What the owner of a webhook should know of its filter. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from offhook.conditions.checking import never_true
from offhook.conditions.condition import Condition, Fault, compile_condition
from offhook.conditions.facts import facts_of
from offhook.model.catalogue import CATALOGUE, matches
from offhook.model.event import LogEvent
from offhook.model.examples import example_data
from offhook.model.ids import AccountId, EventId

_NAMED = 3


def filter_warnings(text: str | None, patterns: Sequence[str]) -> list[str]:
    """What the owner of a filter should know: of which subscribed types a part of it can never be
    true, and on the examples of which it cannot be evaluated."""
    if text is None:
        return []
    condition = compile_condition(text)
    by_warning: dict[str, list[str]] = {}
    for type_ in _subscribed(patterns):
        warning = _warning(condition, type_)
        if warning is not None:
            by_warning.setdefault(warning, []).append(type_)
    return [f"filter, for {_listed(types)}: {warning}" for warning, types in by_warning.items()]


def _subscribed(patterns: Sequence[str]) -> Iterable[str]:
    return (name for name in CATALOGUE if any(matches(pattern, name) for pattern in patterns))


def _warning(condition: Condition, type_: str) -> str | None:
    impossible = never_true(condition, type_)
    if impossible is not None:
        return f"a part of it can never be true, {impossible}"
    facts = facts_of(_example(type_), condition.fields)
    result = condition.holds(facts)
    if isinstance(result, Fault):
        return f"events like the example do not match, for it cannot be evaluated: {result.reason}"
    return None


def _example(type_: str) -> LogEvent:
    data = example_data(type_)
    return LogEvent(
        partition=0,
        position=1,
        id=EventId("evt_example"),
        account=AccountId("example"),
        type=type_,
        key=str(data.get("call_id", "example")),
        sequence=1,
        created_ms=0,
        test=False,
        historical=False,
        headers=None,
        data=msgspec.json.encode(data),
    )


def _listed(types: Sequence[str]) -> str:
    if len(types) <= _NAMED + 1:
        return ", ".join(types)
    return f"{', '.join(types[:_NAMED])} and {len(types) - _NAMED} more types"
