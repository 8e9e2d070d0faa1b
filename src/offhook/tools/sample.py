"""What is posted so that an event of a type happens: its example, as if it happened now. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from offhook.model import catalogue
from offhook.model.examples import example_data
from offhook.model.reading import FIELDS_BY_FORM, STATED_FIELDS

SOURCE: Final = "offhook-trigger"

_BEFORE: Final = {
    catalogue.UPDATED: catalogue.ENDED,
    catalogue.DISPOSITION_MODIFIED: catalogue.DISPOSITION_SET,
}
"""What has to be known of a call before these types can be said of it."""


def sample_items(
    type_: str, overrides: Mapping[str, Any], *, marker: str, now: datetime
) -> list[dict[str, Any]]:
    """The bodies to post one after another; the last brings an event of this canonical type.

    The fields of ``overrides`` replace those of the example. A call gets ``marker`` as its
    external id, so that it is a new one, unless the overrides name a call.
    """
    if not type_.startswith("call."):
        return [{"type": type_, "data": {**example_data(type_), **overrides}}]
    example = example_data(type_)
    data = {**_stated(example, now), "source": SOURCE, "external_id": marker}
    if "call_id" in overrides:
        del data["source"], data["external_id"]
    last = {"type": type_, "data": {**data, **overrides}}
    if type_ not in _BEFORE or "call_id" in overrides:
        return [last]
    former = {field: before for field, (before, _) in example["changes"].items()}
    return [{"type": _BEFORE[type_], "data": {**data, **overrides, **former}}, last]


def _stated(example: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """As much of an example as a source may state, with its times moved on to now."""
    later = now - datetime.fromisoformat(example["occurred_at"])
    stated = {name: value for name, value in example.items() if name in STATED_FIELDS}
    del stated["call_id"]
    return stated | {
        name: _moved(stated[name], later) for name in FIELDS_BY_FORM["times"] if stated.get(name)
    }


def _moved(moment: str, later: timedelta) -> str:
    return (datetime.fromisoformat(moment) + later).isoformat()
