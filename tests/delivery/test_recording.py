"""What is kept of an exchange shows how it went, and nothing that is secret."""

from pieces import endpoint, event

from offhook.delivery.entries import Answer, FailureKind, Request, Timings
from offhook.delivery.outgoing.recording import read_detail, recorded
from offhook.delivery.outgoing.sender import Sender
from offhook.signing import STANDARD
from offhook.signing.secret import Secret, make_secret
from offhook.signing.sign import signer_for
from offhook.testing.clock import FakeClock
from offhook.testing.network import ScriptedNetwork

SECRETS = (Secret(make_secret(bytes(range(32)))),)
OWN = {"Authorization": "Bearer s3cr3t-token", "x-env": "production-eu"}
SIGNED = endpoint(signer=signer_for(STANDARD, SECRETS), headers=OWN, secrets=SECRETS)


def echo(request: Request, *, status: int = 500) -> Answer:
    """What a receiver answers that sends back all that came."""
    body = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    headers = (("X-Echo", request.headers["Authorization"]), ("Set-Cookie", "session=1"))
    return Answer(status, body=body.encode(), headers=headers, timings=Timings(first_byte_ms=1.5))


async def attempt(network: ScriptedNetwork, **given: object) -> Answer:
    made = event(7, headers={"x-caller": "+15551234567"})
    sender = Sender(transport=network, clock=FakeClock())
    fields = {"signer": SIGNED.signer, "headers": OWN, "secrets": SECRETS, **given}
    return await sender.send(endpoint(**fields), made, 3)


async def test_request_headers_are_kept_and_what_the_owner_set_and_signatures_are_masked() -> None:
    answer = await attempt(ScriptedNetwork())
    detail = read_detail(answer.record)
    assert detail.request["webhook-id"] == "evt_7"
    assert detail.request["webhook-attempt"] == "3"
    assert detail.request["x-caller"] == "+15551234567"
    assert detail.request["webhook-timestamp"].isdigit()
    for name in ("Authorization", "x-env", "webhook-signature"):
        assert detail.request[name] == "***"


async def test_a_receiver_that_echoes_its_request_puts_no_secret_into_the_record() -> None:
    network = ScriptedNetwork(echo)
    answer = await attempt(network)
    [request] = network.requests
    kept = answer.body + (answer.record or b"")
    signature = request.headers["webhook-signature"].removeprefix("v1,")
    for secret in ("s3cr3t-token", "production-eu", signature, SECRETS[0].text):
        assert secret.encode() not in kept
    detail = read_detail(answer.record)
    assert detail.response == {"x-echo": "***", "set-cookie": "***"}
    assert b"webhook-id: evt_7" in answer.body


async def test_of_a_masked_endpoint_no_value_that_the_event_brought_is_kept() -> None:
    answer = await attempt(ScriptedNetwork(echo), mask_key=bytes(32))
    assert b"5551234567" not in answer.body + (answer.record or b"")


async def test_of_an_acceptance_no_response_is_kept_unless_the_endpoint_asks_for_it() -> None:
    network = ScriptedNetwork(lambda request: echo(request, status=200))
    assert read_detail((await attempt(network)).record).response is None
    kept = await attempt(network, keep_responses=True)
    assert read_detail(kept.record).response is not None
    assert b"s3cr3t-token" not in kept.body
    assert [request.keep_response for request in network.requests] == [False, True]


async def test_what_an_error_says_is_masked_too() -> None:
    failed = Answer(None, FailureKind.INTERNAL, "cannot send 'Bearer s3cr3t-token'")
    answer = await attempt(ScriptedNetwork(lambda _: failed))
    assert answer.detail == "cannot send '***'"


def test_several_headers_of_one_name_are_joined_and_bounded() -> None:
    many = tuple(("X-Many", "m" * 1000) for _ in range(40))
    answer = Answer(500, headers=(("A", "1"), ("a", "2"), *many))
    request = Request("https://x.example/", {}, b"{}", 1)
    detail = read_detail(recorded(answer, request, SIGNED, event(1)).record)
    assert detail.response is not None
    assert detail.response["a"] == "1, 2"
    assert len(detail.response["x-many"]) < 17_000


def test_an_attempt_of_before_there_were_details_reads_as_nothing_known() -> None:
    detail = read_detail(None)
    assert (detail.request, detail.response, detail.timings) == ({}, None, Timings())
