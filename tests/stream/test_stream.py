"""The stream over a real socket: what it brings, from where, to whom, and when it ends."""

import asyncio
from datetime import datetime

import pytest
from prometheus_client import generate_latest
from stage import ACCOUNT, ALICE, BOB, OTHERS, POSTER, Stage

from offhook.api.pages import FeedCursor, read_cursor, write_cursor
from offhook.model.event import to_ms


async def open_streams(stage: Stage) -> int:
    told = generate_latest(stage.registry).decode()
    [value] = [it.split()[1] for it in told.splitlines() if it.startswith("offhook_streams_open")]
    return int(float(value))


async def test_it_begins_now_and_brings_each_event_as_the_feed_does(stage: Stage) -> None:
    await stage.post("before")
    async with stage.listening() as client:
        answer = client.answer
        assert answer.content_type == "text/event-stream"
        assert answer.headers["cache-control"] == "no-store"
        told = [*await stage.post("a"), *await stage.post("b", "a")]
        events = await client.take(3)
        assert {event.data["id"] for event in events} == set(told)
        assert [event.event for event in events] == ["custom.x"] * 3
        _, page = await stage.ask("GET", "/v1/events")
        in_feed = {event["id"]: event for event in page["data"]}
        assert all(event.data == in_feed[event.data["id"]] for event in events)


async def test_an_id_is_a_cursor_of_the_feed_and_the_other_way_round(stage: Stage) -> None:
    async with stage.listening() as client:
        told = await stage.post(*"abcabc")
        [event] = await client.take(1)
        _, page = await stage.ask("GET", f"/v1/events?cursor={event.id}")
        rest = [each["id"] for each in page["data"]]
        assert sorted([event.data["id"], *rest]) == sorted(told)
    [later] = await stage.post("d")
    async with stage.listening(f"cursor={page['next_cursor']}") as client:
        assert await client.ids(1) == [later]


@pytest.mark.parametrize("way", ["header", "last_event_id", "cursor"])
async def test_it_goes_on_from_an_id_with_nothing_missed_and_nothing_twice(
    stage: Stage, way: str
) -> None:
    async with stage.listening() as client:
        told = await stage.post(*"abcab")
        got = await client.ids(2)
        last_id = client.last_id
    told += await stage.post(*"cba")
    query, header = ("", last_id) if way == "header" else (f"{way}={last_id}", None)
    async with stage.listening(query, last_id=header) as client:
        got += await client.ids(len(told) - 2)
        told += await stage.post("d")
        got += await client.ids(1)
    assert sorted(got) == sorted(told)


async def test_the_header_wins_over_the_query_of_the_first_time(stage: Stage) -> None:
    """As with a browser that connects again by itself."""
    async with stage.listening() as client:
        first = client.last_id
        told = await stage.post("a", "a")
        await client.take(1)
        last_id = client.last_id
    async with stage.listening(f"cursor={first}", last_id=last_id) as client:
        assert await client.ids(1) == told[1:]


async def test_an_empty_id_is_none(stage: Stage) -> None:
    await stage.post("before")
    async with stage.listening("last_event_id=&cursor=", last_id="") as client:
        told = await stage.post("a")
        assert await client.ids(1) == told


async def test_a_client_that_saw_nothing_yet_can_go_on_too(stage: Stage) -> None:
    async with stage.listening() as client:
        last_id = client.last_id
    told = await stage.post("a")
    async with stage.listening(last_id=last_id) as client:
        assert await client.ids(1) == told


async def test_it_brings_the_types_and_the_key_asked_for(stage: Stage) -> None:
    async with (
        stage.listening("types=custom.a,message.*") as typed,
        stage.listening("types=custom.a&types=custom.b&key=k") as keyed,
    ):
        for type_ in ("custom.b", "custom.a", "message.sent", "custom.ab"):
            await stage.post("k", "j", type_=type_)
        events = await typed.take(4)
        for key in ("k", "j"):
            of_key = [event.event for event in events if event.data["key"] == key]
            assert of_key == ["custom.a", "message.sent"]
        events = await keyed.take(2)
        assert [(event.event, event.data["key"]) for event in events] == [
            ("custom.b", "k"),
            ("custom.a", "k"),
        ]


async def test_it_goes_on_within_a_key_from_before_as_well(stage: Stage) -> None:
    async with stage.listening("key=k") as client:
        last_id = client.last_id
    await stage.post(*"kjkjk")
    async with stage.listening("key=k", last_id=last_id) as client:
        assert [event.data["sequence"] for event in await client.take(3)] == [1, 2, 3]
        await stage.post("j", "k")
        assert [event.data["sequence"] for event in await client.take(1)] == [4]


async def test_accounts_never_see_one_anothers_events(stage: Stage) -> None:
    async with stage.listening() as alice, stage.listening(key=BOB) as bob:
        foreign = await stage.post("k", account=OTHERS)
        own = await stage.post("k", account=ACCOUNT)
        assert await alice.ids(1) == own
        assert await bob.ids(1) == foreign


async def test_a_sign_of_life_every_15_seconds_with_the_place_when_others_events_passed(
    stage: Stage,
) -> None:
    async with stage.listening("types=custom.rare") as client:
        stage.clock.advance(15)
        stage.wake.set()
        assert (await client.block()).comment is not None
        before, posted = client.last_id, stage.clock.now()
        await stage.post("a")
        await stage.follower.caught_up()
        stage.clock.advance(15)
        stage.wake.set()
        assert (await client.block()).comment is not None
        place = read_cursor(client.last_id, FeedCursor)
        assert place is not None
        assert client.last_id != before
        assert place.at_ms == to_ms(posted), "the time goes along with the place"
        [rare] = await stage.post("b", type_="custom.rare")
        assert await client.ids(1) == [rare]
    async with stage.listening("types=custom.rare", last_id=before) as client:
        assert await client.ids(1) == [rare]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("types=call.nonsense", "query.types"),
        ("type=call.*", "query.type"),
        ("last_event_id=nonsense", "query.last_event_id"),
        ("cursor=nonsense", "query.cursor"),
        ("limit=5", "query.limit"),
        (f"key={'k' * 300}", "query.key"),
    ],
)
async def test_a_bad_query_is_refused_by_the_name_of_its_field(
    stage: Stage, query: str, field: str
) -> None:
    status, problem = await stage.ask("GET", f"/v1/stream?{query}")
    assert status == 422
    assert [error["path"] for error in problem["errors"]] == [field]


async def test_a_bad_header_is_refused_by_its_name(stage: Stage) -> None:
    headers = {"authorization": f"Bearer {ALICE}", "last-event-id": "nonsense"}
    async with stage.session.get("/v1/stream", headers=headers) as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["code"]) == (422, "invalid_cursor")
    assert problem["errors"][0]["path"] == "header.last-event-id"


async def test_an_id_of_another_log_has_expired_and_tells_from_when_to_go_on(stage: Stage) -> None:
    async with stage.listening() as client:
        await stage.post("a")
        await client.take(1)
        place = read_cursor(client.last_id, FeedCursor)
    assert place is not None
    later = {partition: position + 1 for partition, position in place.after.items()}
    for foreign in (
        FeedCursor(place.generation + 1, place.after, place.at_ms),
        FeedCursor(place.generation, later, place.at_ms),
    ):
        headers = {"authorization": f"Bearer {ALICE}", "last-event-id": write_cursor(foreign)}
        async with stage.session.get("/v1/stream", headers=headers) as answer:
            problem = await answer.json(content_type=None)
        assert (answer.status, problem["code"]) == (410, "cursor_expired")
        assert problem["errors"][0]["path"] == "header.last-event-id"
        since = datetime.fromisoformat(problem["since"])
        assert since.timestamp() == stage.clock.now().timestamp() - 10


async def test_an_id_before_events_that_are_past_their_retention_has_expired(stage: Stage) -> None:
    async with stage.listening() as client:
        await stage.post("a")
        await client.take(1)
        last_id = client.last_id
    # What is in memory would be served from there: nothing of it was missed.
    await stage.until(lambda: stage.streams.open == 0)
    stage.wake.set()
    await stage.until(lambda: stage.follower._ring is None)
    await stage.post("a")
    stage.clock.advance(3 * 86_400)
    await stage.post("a")
    while (await stage.store.retention.trim_events(86_400_000)).more:
        pass
    headers = {"authorization": f"Bearer {ALICE}", "last-event-id": last_id}
    async with stage.session.get("/v1/stream", headers=headers) as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["code"]) == (410, "cursor_expired")
    assert "retention" in problem["detail"]


async def test_it_needs_a_key_that_may_read(stage: Stage) -> None:
    assert (await stage.ask("GET", "/v1/stream", key=None))[0] == 401
    assert (await stage.ask("GET", "/v1/stream", key="ofh_live_x"))[0] == 401
    status, problem = await stage.ask("GET", "/v1/stream", key=POSTER)
    assert (status, problem["code"]) == (403, "forbidden")
    assert (await stage.ask("POST", "/v1/stream/tokens", key=POSTER, json={}))[0] == 403


@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE"])
async def test_it_is_only_to_be_read(stage: Stage, method: str) -> None:
    headers = {"authorization": f"Bearer {ALICE}"}
    async with stage.session.request(method, "/v1/stream", headers=headers) as answer:
        assert answer.status == 405
        assert answer.headers["allow"] == "GET"


async def test_a_client_that_leaves_frees_its_place(stage: Stage) -> None:
    async with stage.listening(), stage.listening("types=call.*"):
        assert await open_streams(stage) == 2
    await stage.until(lambda: stage.streams.open == 0)
    assert await open_streams(stage) == 0
    assert stage.follower._listeners == {}


async def test_the_log_is_followed_only_while_somebody_listens(stage: Stage) -> None:
    async with stage.listening():
        assert stage.follower._ring is not None
    await stage.until(lambda: stage.streams.open == 0)
    stage.wake.set()
    await stage.until(lambda: stage.follower._ring is None)
    async with stage.listening() as client:
        told = await stage.post("a")
        assert await client.ids(1) == told


async def test_ending_all_streams_ends_their_answers_and_lets_none_in(stage: Stage) -> None:
    async with stage.listening() as one, stage.listening() as two:
        stage.streams.end()
        assert await asyncio.gather(one.ended(), two.ended()) == [True, True]
    status, problem = await stage.ask("GET", "/v1/stream")
    assert (status, problem["code"]) == (503, "overloaded")
