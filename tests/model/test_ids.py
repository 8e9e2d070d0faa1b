"""Ids lead back to what they name, and nothing else leads anywhere."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.model.ids import (
    FARTHEST_POSITION,
    LAST_PARTITION,
    WebhookId,
    delivery_id,
    parse_delivery_id,
)


def spelled(place: str) -> str:
    return "dlv_" + base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


@given(
    st.from_regex(r"wh_[0-9a-f]{1,28}", fullmatch=True),
    st.integers(0, LAST_PARTITION),
    st.integers(-FARTHEST_POSITION, FARTHEST_POSITION),
)
def test_a_delivery_id_leads_back_to_its_place(name: str, partition: int, position: int) -> None:
    webhook = WebhookId(name)
    assert parse_delivery_id(delivery_id(webhook, partition, position)) == (
        webhook,
        partition,
        position,
    )


@pytest.mark.parametrize(
    "place",
    [
        "wh_1.0.9223372036854775808",
        "wh_1.0.9223372036854775807",
        "wh_1.0.99999999999999999999999999",
        "wh_1.2147483648.1",
        "wh_1.-1.1",
        "wh_1.0.1_000",
        "wh_1.0. 1",
        "wh_1.0.+1",
        "wh_1.0.01",
        "wh_1.0.\u0661",
        "wh_\x00.0.1",
        "wh_\u00e9.0.1",
        "wh_1.0",
        ".0.1",
    ],
)
def test_a_place_that_there_cannot_be_is_no_delivery(place: str) -> None:
    assert parse_delivery_id(spelled(place)) is None


def test_one_delivery_has_one_id() -> None:
    whole = delivery_id(WebhookId("wh_12"), 3, 40)
    assert parse_delivery_id(whole) is not None
    for other in (
        whole + "=",
        whole.replace("dlv_", ""),
        whole + "\n",
        whole[:4] + " " + whole[4:],
    ):
        assert parse_delivery_id(other) is None


@given(st.text(max_size=60))
def test_any_other_text_is_no_delivery(text: str) -> None:
    found = parse_delivery_id("dlv_" + text)
    assert found is None or delivery_id(*found) == "dlv_" + text
