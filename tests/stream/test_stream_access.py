"""A token opens the stream without a header: what it was made for, for a minute, on any process."""

from collections.abc import Mapping

import pytest
from stage import ACCOUNT, ALICE, BOB, OTHERS, Stage

from offhook.api.stream.tokens import StreamGrant, seal
from offhook.model.event import to_ms
from offhook.store.contract import Store
from offhook.testing.clock import FakeClock


async def token(stage: Stage, asked: Mapping[str, object], key: str = ALICE) -> str:
    status, made = await stage.ask("POST", "/v1/stream/tokens", key=key, json=asked)
    assert status == 201, made
    return str(made["token"])


async def refusal(stage: Stage, query: str, key: str | None = None) -> tuple[int, str]:
    """The status, and the field that is at fault."""
    status, problem = await stage.ask("GET", f"/v1/stream?{query}", key=key)
    assert status >= 400, problem
    return status, problem["errors"][0]["path"]


async def test_a_token_opens_the_stream_of_its_account_to_pages_of_any_origin(
    stage: Stage,
) -> None:
    async with stage.listening(f"token={await token(stage, {})}", key=None) as client:
        assert client.answer.headers["access-control-allow-origin"] == "*"
        await stage.post("k", account=OTHERS)
        told = await stage.post("k")
        assert await client.ids(1) == told


async def test_a_stream_asks_for_what_its_token_allows_or_for_less(stage: Stage) -> None:
    typed = await token(stage, {"types": ["custom.a", "Call Ended"]})
    keyed = await token(stage, {"types": ["custom.*"], "key": "k"})
    async with (
        stage.listening(f"token={typed}", key=None) as one,
        stage.listening(f"token={keyed}&types=custom.b", key=None) as two,
    ):
        for type_ in ("custom.b", "custom.a"):
            await stage.post("j", "k", type_=type_)
        assert {event.event for event in await one.take(2)} == {"custom.a"}
        [event] = await two.take(1)
        assert (event.event, event.data["key"]) == ("custom.b", "k")


async def test_no_more_may_be_asked_for_than_the_token_allows(stage: Stage) -> None:
    typed = await token(stage, {"types": ["custom.a.*"]})
    for types in ("*", "custom.*", "custom.a", "custom.a.b,message.sent"):
        assert await refusal(stage, f"token={typed}&types={types}") == (403, "query.types")
    keyed = await token(stage, {"key": "k"})
    assert await refusal(stage, f"token={keyed}&key=j") == (403, "query.key")


async def test_a_token_for_another_scope_does_not_read(stage: Stage) -> None:
    grant = StreamGrant(ACCOUNT, "events:write")
    until_ms = to_ms(stage.clock.now()) + 1_000
    other = seal(grant, stage.store.token_key, until_ms)
    assert await refusal(stage, f"token={other}") == (403, "query.token")


async def test_it_is_valid_for_a_minute_to_open_and_then_the_stream_goes_on(stage: Stage) -> None:
    _, made = await stage.ask("POST", "/v1/stream/tokens", json={})
    assert made["expires_at"] == "2026-11-20T10:01:00.000Z"
    stage.clock.advance(59)
    async with stage.listening(f"token={made['token']}", key=None) as client:
        stage.clock.advance(1)
        assert await refusal(stage, f"token={made['token']}") == (401, "query.token")
        told = await stage.post("a")
        assert await client.ids(1) == told


async def test_it_is_checked_by_any_process_over_the_same_store(
    store: Store, clock: FakeClock
) -> None:
    async with Stage(store, clock) as one, Stage(store, clock) as two:
        made = await token(one, {})
        async with two.listening(f"token={made}", key=None) as client:
            told = await one.post("a")
            assert await client.ids(1) == told


@pytest.mark.parametrize("damage", ["", "x", "ofh_stream_", ALICE])
async def test_what_is_no_token_is_refused(stage: Stage, damage: str) -> None:
    assert await refusal(stage, f"token={damage}") == (401, "query.token")


async def test_a_key_in_the_header_is_what_counts(stage: Stage) -> None:
    """And a key is no token: in a URL it would be written down on the way."""
    made = await token(stage, {"types": ["custom.a"]})
    async with stage.listening(f"token={made}", key=BOB) as client:
        assert "access-control-allow-origin" not in client.answer.headers
        told = await stage.post("k", type_="custom.b", account=OTHERS)
        assert await client.ids(1) == told


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"types": ["call.nonsense"]}, "body.types"),
        ({"types": "call.*"}, "body.types"),
        ({"scopes": ["admin"]}, "body.scopes"),
        ({"key": "k" * 256}, "body.key"),
    ],
)
async def test_a_bad_request_for_a_token_is_refused_by_the_name_of_its_field(
    stage: Stage, asked: Mapping[str, object], field: str
) -> None:
    status, problem = await stage.ask("POST", "/v1/stream/tokens", json=asked)
    assert status == 422
    assert problem["errors"][0]["path"] == field


async def test_a_request_without_a_body_is_refused_at_once(stage: Stage) -> None:
    headers = {"authorization": f"Bearer {ALICE}"}
    async with stage.session.post("/v1/stream/tokens", headers=headers) as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["errors"][0]["path"]) == (422, "body")
