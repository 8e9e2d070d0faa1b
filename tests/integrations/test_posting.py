"""Posting batches over a real socket: patience where it is asked for, a clear end where not."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from offhook.integrations.importing import ImportOptions, run_import
from offhook.integrations.posting import (
    MAX_TRIES,
    BatchClient,
    ItemAnswer,
    RefusedByServer,
    Unreachable,
)
from offhook.model.errors import Unreadable

Reply = web.Response | None


class Scripted:
    """Answers as its script says, then takes whatever comes."""

    def __init__(self) -> None:
        self.script: list[Reply | Callable[[int], Reply]] = []
        self.posted: list[list[object]] = []
        self.keys: set[str] = set()
        self.waited: list[float] = []

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/healthz":
            return web.Response()
        assert request.path == "/v1/events/batch"
        self.keys.add(request.headers["authorization"])
        items = (await request.json())["items"]
        step = self.script.pop(0) if self.script else None
        reply = step(len(items)) if callable(step) else step
        if reply is not None:
            return reply
        self.posted.append(items)
        return web.json_response({"items": [{"status": 202, "id": "evt_1"} for _ in items]})

    async def sleep(self, wait_s: float) -> None:
        self.waited.append(wait_s)


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
async def url(scripted: Scripted) -> AsyncIterator[str]:
    app = web.Application(client_max_size=16 << 20)
    app.router.add_route("*", "/{path:.*}", scripted.handle)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@pytest.fixture
async def client(scripted: Scripted, url: str) -> AsyncIterator[BatchClient]:
    async with aiohttp.ClientSession() as session:
        yield BatchClient(session, url, "ofh_live_x", sleep=scripted.sleep)


async def test_answers_come_back_in_order_of_the_items(client: BatchClient, scripted: Scripted):
    reply = {"items": [{"status": 200, "changed": False}, {"status": 422, "error": {"title": "?"}}]}
    scripted.script = [web.json_response(reply)]
    first, second = await client.post([b'{"a":1}', b'{"b":2}'])
    assert first == ItemAnswer(200, changed=False)
    assert second.status == 422
    assert second.error is not None
    assert scripted.keys == {"Bearer ofh_live_x"}


async def test_it_waits_as_long_as_the_server_asks(client: BatchClient, scripted: Scripted):
    scripted.script = [
        web.Response(status=429, headers={"Retry-After": "7"}),
        web.Response(status=503),
        web.Response(status=429, headers={"Retry-After": "3600"}),
    ]
    assert await client.post([b"{}"]) == [ItemAnswer(202)]
    assert scripted.waited == [7.0, 1.0, 60.0]


async def test_a_rate_limit_is_waited_for_however_often(client: BatchClient, scripted: Scripted):
    limited = [web.Response(status=429, headers={"Retry-After": "1"}) for _ in range(2 * MAX_TRIES)]
    scripted.script = [*limited, web.Response(status=429)]
    assert await client.post([b"{}"]) == [ItemAnswer(202)]
    assert scripted.waited == [1.0] * (2 * MAX_TRIES + 1)


async def test_it_gives_up_at_last_and_says_that_starting_again_is_safe(
    client: BatchClient, scripted: Scripted
):
    scripted.script = [web.Response(status=502) for _ in range(MAX_TRIES)]
    with pytest.raises(Unreachable, match=r"answered 502.*not taken twice"):
        await client.post([b"{}"])
    assert len(scripted.waited) == MAX_TRIES - 1


async def test_a_connection_that_fails_is_tried_again(scripted: Scripted):
    async with aiohttp.ClientSession() as session:
        client = BatchClient(session, "http://127.0.0.1:9", "k", sleep=scripted.sleep)
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
            await client.post([b"{}"])
    assert len(scripted.waited) == MAX_TRIES - 1


@pytest.mark.parametrize(
    ("url", "message"),
    [("http://127.0.0.1:9", "is the server running"), ("nonsense", "no URL of a server")],
)
async def test_a_server_that_is_not_there_is_told_at_once(url: str, message: str):
    async with aiohttp.ClientSession() as session:
        with pytest.raises(Unreachable, match=f"(?i){message}"):
            await BatchClient(session, url, "k").reach()


async def test_a_batch_that_is_too_large_goes_in_halves(client: BatchClient, scripted: Scripted):
    def at_most_two(count: int) -> Reply:
        return web.Response(status=413) if count > 2 else None

    scripted.script = [at_most_two] * 7
    items = [b'{"n":%d}' % n for n in range(5)]
    assert len(await client.post(items)) == 5
    assert [item for batch in scripted.posted for item in batch] == [{"n": n} for n in range(5)]


@pytest.mark.parametrize("status", [401, 403, 404, 413, 302])
async def test_a_refusal_is_told_with_the_servers_own_reason(
    client: BatchClient, scripted: Scripted, status: int
):
    scripted.script = [web.json_response({"detail": "because"}, status=status)]
    with pytest.raises(RefusedByServer, match=f"{status}: because"):
        await client.post([b"{}"])
    assert scripted.waited == []


@pytest.mark.parametrize("body", ["<html>", '{"items":[]}', '{"data":[]}'])
async def test_an_answer_that_is_not_offhooks_is_told(
    client: BatchClient, scripted: Scripted, body: str
):
    scripted.script = [web.Response(text=body)]
    with pytest.raises(RefusedByServer, match="is the URL right"):
        await client.post([b"{}"])


async def test_a_whole_import_over_http(tmp_path: Path, scripted: Scripted, url: str):
    (tmp_path / "calls.tsv").write_text("id\tfrom\n1\t202-555-0100\n2\toops\n")
    mapping = {"source": {"value": "f"}, "external_id": "id", "caller_id": "from"}
    (tmp_path / "mapping.json").write_text(json.dumps(mapping))
    report = await run_import(
        ImportOptions(tmp_path / "calls.tsv", tmp_path / "mapping.json", url, "k", region="US")
    )
    assert (report.new, report.rejected) == (1, 1)
    data = {"source": "f", "external_id": "1", "caller_id": "+12025550100", "historical": True}
    assert scripted.posted == [[{"type": "call.ended", "data": data}]]


async def test_a_mapping_that_is_not_json_is_told(tmp_path: Path):
    (tmp_path / "mapping.json").write_text("{")
    with pytest.raises(Unreadable, match=r"mapping\.json is not JSON"):
        await run_import(
            ImportOptions(tmp_path / "calls.csv", tmp_path / "mapping.json", "http://x", "k")
        )
