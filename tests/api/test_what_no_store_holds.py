"""What no store could be asked by is refused by name, whichever store it is."""

import base64

import pytest

from conftest import Served
from offhook.api.pages import DeliveryCursor, FeedCursor, IdCursor, write_cursor

PATHS = [
    "/v1/webhooks/%00",
    "/v1/webhooks/wh_1%00/stats",
    "/v1/replays/%00",
    "/v1/events/%00",
    "/v1/events/%00/deliveries",
    "/v1/calls/%00",
    "/v1/deliveries/%00",
]
QUERIES = [
    ("/v1/deliveries?webhook_id=%00", "query.webhook_id"),
    ("/v1/deliveries?limit=1&event_key=a%00b", "query.event_key"),
    ("/v1/deliveries?event_id=%00", "query.event_id"),
    ("/v1/replays?webhook_id=%00", "query.webhook_id"),
    ("/v1/events?key=%00", "query.key"),
    ("/v1/calls?campaign_id=%00", "query.campaign_id"),
    ("/v1/stream?key=%00", "query.key"),
    ("/v1/events?%00=1", "query"),
]
PLACES = [
    "wh_x.0.9223372036854775808",
    "wh_x.0.9223372036854775807",
    "wh_x.0.-9223372036854775808",
    "wh_x.2147483648.1",
    "wh_x.2147483647.4611686018427387904",
    "wh_\x00.0.1",
]
CURSORS = [
    ("/v1/deliveries", DeliveryCursor({1 << 31: (1, "wh_1")})),
    ("/v1/deliveries", DeliveryCursor({0: (1, "wh_\x00")})),
    ("/v1/events", FeedCursor(0, {1 << 31: 1})),
    ("/v1/webhooks", IdCursor("\x00")),
]


async def test_a_path_with_nul_leads_nowhere(either_api: Served) -> None:
    for path in PATHS:
        answer = await either_api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert "U+0000" in answer.json()["detail"]
    assert (await either_api.send("DELETE", "/v1/webhooks/%00")).status_code == 404


async def test_a_query_with_nul_is_refused_by_its_field(either_api: Served) -> None:
    for path, field in QUERIES:
        answer = await either_api.get(path)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, field), path


async def test_a_delivery_where_there_can_be_none_is_not_found(either_api: Served) -> None:
    for place in PLACES:
        name = "dlv_" + base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")
        for method, path in (("GET", ""), ("GET", "/attempts"), ("POST", "/retry")):
            answer = await either_api.send(method, f"/v1/deliveries/{name}{path}")
            assert answer.status_code == 404, place


@pytest.mark.parametrize(("path", "cursor"), CURSORS)
async def test_a_forged_cursor_is_refused(
    either_api: Served, path: str, cursor: DeliveryCursor | FeedCursor | IdCursor
) -> None:
    await either_api.webhook()
    answer = await either_api.get(f"{path}?cursor={write_cursor(cursor)}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")
