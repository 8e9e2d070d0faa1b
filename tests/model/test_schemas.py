"""The catalogue's schemas describe its examples, what leaves, and what may be posted."""

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from offhook.log.submit import read_submission
from offhook.model.catalogue import CATALOGUE
from offhook.model.event import LogEvent, render
from offhook.model.examples import example_data
from offhook.model.ids import DEFAULT_ACCOUNT, EventId
from offhook.model.schemas import data_schema, event_schema, posted_schema

_TYPES = [*CATALOGUE, "custom.won"]


def _rendered(type_: str) -> object:
    data = msgspec.json.encode(example_data(type_))
    event = LogEvent(
        0, 1, EventId("evt_1"), DEFAULT_ACCOUNT, type_, "k", 1, 0, False, False, None, data
    )
    return msgspec.json.decode(render(event))


@pytest.mark.parametrize("type_", _TYPES)
def test_every_example_is_an_event_of_its_schema(type_: str) -> None:
    schema = event_schema(type_)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
        _rendered(type_)
    )
    Draft202012Validator(data_schema(type_)).validate(example_data(type_))


def test_a_call_event_without_one_of_its_fields_is_none() -> None:
    data = example_data("call.missed")
    del data["payout"]
    with pytest.raises(ValidationError, match="payout"):
        Draft202012Validator(data_schema("call.missed")).validate(data)


@pytest.mark.parametrize("type_", [t for t in CATALOGUE if CATALOGUE[t].postable])
def test_what_the_posting_schema_allows_is_accepted(type_: str) -> None:
    allowed = posted_schema(type_).get("properties", {})
    data = {
        field: value
        for field, value in example_data(type_).items()
        if field in allowed and field != "call_id"
    }
    Draft202012Validator(posted_schema(type_)).validate(data)
    posted = {"type": type_, "data": data}
    assert read_submission(posted, account=DEFAULT_ACCOUNT, test=False, size=500)


@pytest.mark.parametrize(
    "data",
    [
        {"source": "s"},
        {"source": "s", "external_id": "1", "status": "ended"},
        {"source": "s", "external_id": "1", "ring_s": "6"},
        {"source": "s", "external_id": "1", "direction": "in"},
    ],
)
def test_the_posting_schema_refuses_what_reading_refuses(data: dict[str, object]) -> None:
    assert not Draft202012Validator(posted_schema("call.ended")).is_valid(data)
