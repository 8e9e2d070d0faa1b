"""A cursor of another log is told from when to go on, and whoever does so misses nothing."""

import base64
import zlib
from datetime import datetime
from typing import Any

import msgspec
import pytest

from conftest import Served
from offhook.api.pages import FeedCursor, read_cursor, write_cursor

MARGIN_S = 10.0


async def read_on(api: Served, path: str) -> dict[str, Any]:
    page: dict[str, Any] = (await api.get(path)).json()
    return page


async def place_of(api: Served) -> FeedCursor:
    """Where a reader stands that has read everything."""
    place = read_cursor((await read_on(api, "/v1/events?limit=200"))["next_cursor"], FeedCursor)
    assert place is not None
    return place


async def test_a_cursor_of_another_log_is_told_the_time_and_nothing_is_missed_from_there(
    api: Served,
) -> None:
    for _ in range(3):
        await api.event()
        api.clock.advance(60)
    place = await place_of(api)
    unread = [(await api.event())["id"] for _ in range(2)]
    foreign = write_cursor(FeedCursor(place.generation + 1, place.after, place.at_ms))
    answer = await api.get(f"/v1/events?cursor={foreign}")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (410, "cursor_expired")
    assert problem["since"] in problem["detail"]
    assert problem["errors"][0]["path"] == "query.cursor"
    since = datetime.fromisoformat(problem["since"]).timestamp()
    assert since == place.at_ms / 1000 - MARGIN_S
    page = await read_on(api, f"/v1/events?since={problem['since']}")
    found = [event["id"] for event in page["data"]]
    assert found[-2:] == unread
    assert len(found) == 3, "the last one read comes again"


async def test_the_time_of_a_cursor_never_goes_back(api: Served) -> None:
    await api.event()
    first = await place_of(api)
    nothing = await read_on(api, f"/v1/events?cursor={write_cursor(first)}")
    assert read_cursor(nothing["next_cursor"], FeedCursor) == first


async def test_a_cursor_past_the_head_of_a_log_restored_from_a_backup_has_expired(
    api: Served,
) -> None:
    await api.event()
    place = await place_of(api)
    later = {partition: position + 1 for partition, position in place.after.items()}
    cursor = write_cursor(FeedCursor(place.generation, later, place.at_ms))
    answer = await api.get(f"/v1/events?cursor={cursor}")
    assert answer.json()["code"] == "cursor_expired"


async def test_a_cursor_before_events_that_are_past_their_retention_has_expired(
    api: Served,
) -> None:
    """A reader that went on would not know of the gap; from ``since`` on it misses nothing more."""
    await api.event()
    place = await place_of(api)
    old = [await api.event() for _ in range(2)]
    api.clock.advance(3 * 86_400)
    young = await api.event()
    while (await api.store.retention.trim_events(86_400_000)).more:
        pass
    answer = await api.get(f"/v1/events?cursor={write_cursor(place)}")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (410, "cursor_expired")
    assert "retention" in problem["detail"]
    page = await read_on(api, f"/v1/events?since={problem['since']}")
    assert [event["id"] for event in page["data"]] == [young["id"]]
    assert [event["id"] for event in (await read_on(api, "/v1/events"))["data"]] == [young["id"]]
    assert (await api.get(f"/v1/events/{old[0]['id']}")).status_code == 404
    cursor = page["next_cursor"]
    assert (await read_on(api, f"/v1/events?cursor={cursor}"))["data"] == []


@pytest.mark.parametrize("positions", [{}, {0: 4}])
async def test_a_cursor_that_says_no_time_begins_at_the_beginning(
    api: Served, positions: dict[int, int]
) -> None:
    """As those do that were given out before cursors told their log."""
    packed = msgspec.msgpack.encode(["feed", 0, positions])
    sealed = zlib.crc32(packed).to_bytes(4, "big") + packed
    cursor = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
    problem = await read_on(api, f"/v1/events?cursor={cursor}")
    assert problem["code"] == "cursor_expired"
    assert problem["since"] == "1970-01-01T00:00:00.000Z"


async def test_the_timeline_of_a_call_refuses_a_foreign_cursor_too(api: Served) -> None:
    told = await api.event()
    foreign = write_cursor(FeedCursor(1, {0: 1}, 5_000))
    problem = await read_on(api, f"/v1/calls/{told['key']}/events?cursor={foreign}")
    assert (problem["code"], problem["since"]) == ("cursor_expired", "1970-01-01T00:00:00.000Z")


async def test_only_an_expired_cursor_speaks_of_since(api: Served) -> None:
    assert "since" not in await read_on(api, "/v1/events?cursor=nonsense")
