"""An endpoint is away for longer than several retries: nobody else notices, and then it gets
everything, in order."""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles

import msgspec
import pytest
from counting_receiver import DOWN, HANGS, OK, CountingReceiver
from server_process import Client, Server

CALLS = tuple(f"call-{n}" for n in range(30))
FAILING = 7
SEVERAL_ATTEMPTS = 5
AGAIN = 2
"""Of one that hangs, which is soon asked one thing at a time."""
PAUSE_S = 0.05
TIMEOUT_S = 0.3
_ATTEMPT = '{"event":"attempt"'

Cut = Callable[[CountingReceiver], Awaitable[None]]


async def refuse_connections(receiver: CountingReceiver) -> None:
    receiver.close()


async def hang(receiver: CountingReceiver) -> None:
    receiver.behave = lambda _: HANGS


async def answer_503(receiver: CountingReceiver) -> None:
    receiver.behave = lambda _: DOWN


async def mend(receiver: CountingReceiver, cut: Cut) -> None:
    receiver.behave = lambda _: OK
    if cut is refuse_connections:
        await receiver.open()


@pytest.mark.parametrize("cut", [refuse_connections, hang, answer_503])
async def test_an_outage_is_made_up_in_order_and_no_neighbour_notices(
    tmp_path: Path, cut: Cut
) -> None:
    away, healthy = CountingReceiver(), CountingReceiver()
    async with Server(tmp_path) as server, Client(server) as client, away, healthy:
        webhook = await client.make_webhook(away.url, timeout_s=TIMEOUT_S)
        await client.make_webhook(healthy.url)
        for _ in range(5):
            await client.post(*CALLS)
        for receiver in (away, healthy):
            await receiver.so_many_events(150)
        await cut(away)
        await until_several_attempts(client, webhook, AGAIN if cut is hang else SEVERAL_ATTEMPTS)
        feed = await client.feed()
        await healthy.all_of(feed)
        assert len(away.accepted_ids) == 150
        await mend(away, cut)
        await away.all_of(feed)
    for receiver in (away, healthy):
        told = receiver.tally.report()
        assert (told.distinct, told.gaps, told.out_of_order) == (len(feed), 0, 0)
        assert receiver.seen.unverified == []
    hung = Counter(event.id for event in away.seen.refused)
    assert accepted_again(away) <= timed_out(server, webhook) - hung
    assert healthy.tally.report().duplicates == 0
    assert len(healthy.requests) == len(feed)
    sys.stdout.write(f"\n{cut.__name__}: latency at the neighbour: {latencies(healthy)}\n")


def accepted_again(receiver: CountingReceiver) -> Counter[str]:
    """How often each event was accepted beyond its first time."""
    times = Counter(arrival.event.id for arrival in receiver.seen.accepted)
    return times - Counter(dict.fromkeys(times, 1))


def timed_out(server: Server, webhook: str) -> Counter[str]:
    """How often each event was not answered to in time: on a busy machine an acceptance may come
    later than ``TIMEOUT_S``, and then it is right to ask again."""
    lines = [line for line in server.log.read_text().splitlines() if line.startswith(_ATTEMPT)]
    attempts = map(msgspec.json.decode, lines)
    return Counter(
        attempt["event_id"]
        for attempt in attempts
        if attempt["webhook_id"] == webhook and attempt.get("error") == "timeout"
    )


async def until_several_attempts(
    client: Client, webhook: str, several: int = SEVERAL_ATTEMPTS
) -> None:
    """Post events of each call until one that the endpoint does not take was tried often."""
    failing = (await client.post(*CALLS))[FAILING]
    async with asyncio.timeout(90):
        while True:
            _, page = await client.ask("GET", f"/v1/events/{failing}/deliveries")
            made = [each["attempts"] for each in page["data"] if each["webhook_id"] == webhook]
            if max(made, default=0) >= several:
                return
            await client.post(*CALLS)
            await asyncio.sleep(PAUSE_S)


def latencies(receiver: CountingReceiver) -> str:
    before = sorted(arrival.after_s * 1000 for arrival in receiver.seen.accepted[:150])
    during = sorted(arrival.after_s * 1000 for arrival in receiver.seen.accepted[150:])
    p99 = [quantiles(part, n=100)[98] for part in (before, during)]
    return (
        f"before p99 {p99[0]:.0f} ms, max {before[-1]:.0f} ms; "
        f"during p99 {p99[1]:.0f} ms, max {during[-1]:.0f} ms"
    )


async def test_a_call_that_fails_holds_up_itself_alone(tmp_path: Path) -> None:
    receiver = CountingReceiver(lambda event: DOWN if event.key == CALLS[FAILING] else OK)
    async with Server(tmp_path) as server, Client(server) as client, receiver:
        webhook = await client.make_webhook(receiver.url)
        await until_several_attempts(client, webhook)
        feed = await client.feed()
        await receiver.all_of(event for event in feed if event["key"] != CALLS[FAILING])
        assert receiver.sequences(CALLS[FAILING]) == []
        assert {event.sequence for event in receiver.seen.refused} == {1}
        receiver.behave = lambda _: OK
        await receiver.all_of(feed)
    for call in CALLS:
        assert receiver.sequences(call) == list(range(1, len(feed) // len(CALLS) + 1))
