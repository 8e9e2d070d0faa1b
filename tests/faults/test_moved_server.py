"""An installation that moved from a file to PostgreSQL goes on where it stopped: real servers, the
real command, receivers on real sockets."""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest
from call_load import EVERY_CALL, Load
from counting_receiver import DOWN, HANGS, OK, Behaviour, CountingReceiver, until
from server_process import Client, Server

from offhook.delivery.announcing import about_delivery
from offhook.demo.processes import clean_environment
from offhook.demo.wire import Reply

NEVER_AGAIN = {"delays_s": [1]}
LATER = {"delays_s": [3], "until_s": 3600}


def refusing(*keys: str, reply: Reply = DOWN) -> Behaviour:
    return lambda event: reply if event.key in keys else OK


async def offhook(*arguments: str) -> tuple[int, str, str]:
    """Run a command; exit code, what it said and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", *arguments),
        env=clean_environment({}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, out.decode(), errors.decode()


async def listed(client: Client, path: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        status, page = await client.ask("GET", f"{path}{cursor}")
        assert status == 200, page
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


@dataclass
class Old:
    """What a stopped server left in its folder."""

    events: dict[str, int]
    """Positions by id."""
    starts: dict[str, int]
    """Where each webhook's events begin."""
    unasked: set[str]
    """What is told of deliveries themselves: nobody here subscribed to that."""

    @classmethod
    def of(cls, folder: Path) -> "Old":
        raw = apsw.Connection(str(folder / "offhook.db"), flags=apsw.SQLITE_OPEN_READONLY)
        events = dict(raw.execute("SELECT id, position FROM event"))
        types = dict(raw.execute("SELECT id, type FROM event"))
        starts = dict(raw.execute("SELECT webhook, position FROM webhook_start"))
        raw.close()
        return cls(events, starts, {id_ for id_ in types if about_delivery(types[id_])})

    def due_to(self, webhook: str) -> set[str]:
        """The events that the webhook is to get."""
        after = {id_ for id_, position in self.events.items() if position > self.starts[webhook]}
        return after - self.unasked


@pytest.mark.slow
async def test_a_server_on_postgresql_goes_on_where_the_one_on_a_file_stopped(
    tmp_path: Path, postgres18_url: str
) -> None:
    """Nothing is lost, nothing that was accepted comes again, order holds, timers fire, what was
    given up stays so, and a cursor of the old feed is told from when to go on."""
    good, hanging = CountingReceiver(), CountingReceiver(lambda _: HANGS)
    picky, strict = CountingReceiver(refusing("b", "k7")), CountingReceiver(refusing("c", "k8"))
    receivers = {"good": good, "hanging": hanging, "picky": picky, "strict": strict}
    webhooks: dict[str, str] = {}
    async with good, hanging, picky, strict:
        async with Server(tmp_path) as server, Client(server) as client:
            webhooks["good"] = await client.make_webhook(good.url, **EVERY_CALL)
            webhooks["picky"] = await client.make_webhook(picky.url, **EVERY_CALL, retry=LATER)
            load = Load(client)
            await good.so_many(200)
            slow = {**EVERY_CALL, "timeout_s": 60}
            webhooks["hanging"] = await client.make_webhook(hanging.url, **slow)
            once = {**EVERY_CALL, "retry": NEVER_AGAIN}
            webhooks["strict"] = await client.make_webhook(strict.url, **once)
            await client.post(*"abcabc", *(f"k{number}" for number in range(400)))
            settling = await ended_unanswered(client)
            await load.finish()
            await good.all_of(await client.feed())
            await until(lambda: len(strict.seen.refused) >= 6, what="what is given up")
            _, page = await client.ask("GET", "/v1/events?limit=50")
            assert await server.stop() == 0
            assert server.complaints() == []
        old = Old.of(server.data)
        assert not hanging.seen.accepted
        told = await moved(server.data, postgres18_url)
        assert told["event"] == len(old.events)
        assert all(told[name] for name in ("pending", "held", "timer", "attempt", "event_key"))

        hanging.behave = picky.behave = strict.behave = lambda _: OK
        new = Server(tmp_path, "moved", database=postgres18_url)
        async with new, Client(new) as client:
            await client.post("b", "d", "k8")
            await until(lambda: len(good.sequences(settling)) > 2, 60, "what the timer brings")
            feed = await client.whole_feed()
            asked = {event["id"] for event in feed if not about_delivery(event["type"])}
            later = asked - old.events.keys()
            for name in ("good", "hanging", "picky"):
                due = old.due_to(webhooks[name]) | later
                await receivers[name].all_of({"id": id_} for id_ in due)
                assert receivers[name].accepted_ids == due
            failed = await given_up(client, webhooks["strict"])
            assert failed == {event.id for event in strict.seen.refused}
            await strict.all_of({"id": id_} for id_ in old.due_to(webhooks["strict"]) - failed)
            await goes_on(client, page["next_cursor"], [event["id"] for event in feed])
        assert new.complaints() == []
    assert len(feed) == len({event["id"] for event in feed}) >= len(old.events) + 3
    for receiver in receivers.values():
        told_of = receiver.tally.report()
        assert (told_of.duplicates, told_of.out_of_order) == (0, 0)
        assert receiver.seen.unverified == []


async def ended_unanswered(client: Client) -> str:
    """A call that ended, and whose outcome a timer is to decide; its key."""
    call = {"source": "test", "external_id": "one", "direction": "inbound"}
    for type_ in ("call.started", "call.ended"):
        status, answer = await client.ask("POST", "/v1/events", {"type": type_, "data": call})
        assert status == 202, answer
    return str(answer["key"])


async def moved(folder: Path, url: str) -> dict[str, int]:
    """Move the installation; the rows of each table."""
    code, out, errors = await offhook("copy", "--from", str(folder), "--to", url, "--json")
    assert (code, errors) == (0, "")
    report = json.loads(out)
    assert report["verified"]
    return {table["table"]: table["rows"] for table in report["tables"]}


async def given_up(client: Client, webhook: str) -> set[str]:
    """The events whose delivery to the webhook failed for good."""
    views = await listed(client, f"/v1/deliveries?limit=200&status=failed&webhook_id={webhook}")
    return {view["event_id"] for view in views}


async def goes_on(client: Client, cursor: str, feed: list[str]) -> None:
    """A cursor of the old log is refused with a time; from there on nothing is missing."""
    status, problem = await client.ask("GET", f"/v1/events?limit=200&cursor={cursor}")
    assert (status, problem["code"]) == (410, "cursor_expired")
    _, page = await client.ask("GET", f"/v1/events?limit=200&since={problem['since']}")
    seen = [event["id"] for event in page["data"]]
    assert seen[0] in feed[:50]
    assert set(feed[50:200]) <= set(seen)
