"""What goes over the wire is what the vendors' own verifiers accept, and nothing else is."""

import hashlib
import hmac
from pathlib import Path

import pytest
import standardwebhooks
import svix.webhooks
from counting_receiver import DOWN, OK, CountingReceiver, until
from server_process import SECRET, Client, Server

from offhook.demo.tally import Event
from offhook.demo.wire import Received, Reply

OTHER_SECRET = "whsec_" + "b3RoZXIh" * 5
VERIFIERS = [standardwebhooks.Webhook, svix.webhooks.Webhook]


class Flaky:
    """Refuses the first attempts at each event."""

    def __init__(self, times: int) -> None:
        self._left = times

    def __call__(self, event: Event) -> Reply:
        self._left -= 1
        return OK if self._left < 0 else DOWN


async def received(folder: Path, count: int, receiver: CountingReceiver, **webhook: object) -> None:
    """Post one event with headers of its own and wait for that many requests."""
    async with Server(folder) as server, Client(server) as client, receiver:
        await client.make_webhook(receiver.url, **webhook)
        event = {
            "type": "custom.greeting",
            "key": "k",
            "data": {"text": "Grüße, 電話 \u2028 \U0001f4de"},
            "headers": {"X-Trace": "abc-123"},
        }
        status, _ = await client.ask("POST", "/v1/events", event)
        assert status == 202
        await until(lambda: len(receiver.requests) >= count, what=f"{count} requests")


@pytest.mark.parametrize("verifier", VERIFIERS)
async def test_the_vendors_verify_what_arrives_and_reject_any_alteration(
    tmp_path: Path, verifier: type[standardwebhooks.Webhook]
) -> None:
    receiver = CountingReceiver()
    await received(tmp_path, 1, receiver, headers={"X-Env": "prod"})
    [request] = receiver.requests
    verifier(SECRET).verify(request.body, request.headers)
    for altered in alterations(request):
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verifier(SECRET).verify(altered.body, altered.headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verifier(OTHER_SECRET).verify(request.body, request.headers)
    assert request.method == "POST"
    assert request.headers["content-type"].startswith("application/json")
    assert request.headers["x-env"] == "prod"
    assert request.headers["x-trace"] == "abc-123"
    assert request.headers["webhook-attempt"] == "1"


def alterations(request: Received) -> list[Received]:
    """The request with one byte, one header or one second changed."""
    headers = request.headers
    signature = headers["webhook-signature"]
    other = "A" if signature[10] != "A" else "B"
    changed = [
        {"webhook-id": headers["webhook-id"] + "0"},
        {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)},
        {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 600)},
        {"webhook-signature": signature[:10] + other + signature[11:]},
        {"webhook-signature": ""},
    ]
    bodies = [request.body + b" ", request.body.replace(b"custom", b"Custom"), b"{}"]
    return [
        *(Received("POST", "/hook", {**headers, **one}, request.body) for one in changed),
        *(Received("POST", "/hook", headers, body) for body in bodies),
    ]


async def test_each_attempt_is_counted_and_signed_anew_over_the_same_bytes(tmp_path: Path) -> None:
    receiver = CountingReceiver(Flaky(3))
    retry = {"delays_s": [0.1, 1.1, 0.1]}
    await received(tmp_path, 4, receiver, retry=retry)
    requests = receiver.requests
    assert [request.headers["webhook-attempt"] for request in requests] == ["1", "2", "3", "4"]
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert len({request.body for request in requests}) == 1
    signed = {(r.headers["webhook-timestamp"], r.headers["webhook-signature"]) for r in requests}
    stamps = [int(request.headers["webhook-timestamp"]) for request in requests]
    assert stamps == sorted(stamps)
    assert stamps[-1] > stamps[0]
    assert len(signed) == len(set(stamps))
    assert receiver.seen.unverified == []


async def test_timestamped_hex_with_a_prefix_of_ones_own_verifies_by_hand(tmp_path: Path) -> None:
    receiver = CountingReceiver()
    signing = {"scheme": "timestamped-hex", "prefix": "x-callcall"}
    await received(tmp_path, 1, receiver, signing=signing)
    headers, body = receiver.requests[0].headers, receiver.requests[0].body
    over = headers["x-callcall-timestamp"].encode() + b"." + body
    mac = hmac.new(SECRET.encode(), over, hashlib.sha256).hexdigest()
    assert headers["x-callcall-signature"] == mac
    assert "webhook-signature" not in headers
