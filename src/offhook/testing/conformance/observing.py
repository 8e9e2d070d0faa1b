"""What is kept of attempts, on any store: the real dispatcher over it, on a scripted network.

Subclass with the fixtures ``store`` and ``clock``.
"""

from offhook.delivery.entries import Answer, AttemptRecord, Request, Timings
from offhook.delivery.outgoing.recording import read_detail
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import whole_log
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import ScriptedNetwork

OWN = {"Authorization": "Bearer s3cr3t-token"}
RETRY = {"delays_s": [1]}


def echo_then_accept(request: Request) -> Answer:
    """Refuses the first attempt with all that came, accepts the second."""
    accepts = request.headers["webhook-attempt"] == "2"
    return Answer(
        200 if accepts else 500,
        body=request.headers["Authorization"].encode() + b" \xff",
        headers=(("Server", "x"), ("X-Echo", request.headers["Authorization"])),
        duration_ms=12.5,
        timings=Timings(connect_ms=3.5, first_byte_ms=8.0),
    )


async def attempts_made(
    store: ConformingStore, clock: FakeClock, **fields: object
) -> list[AttemptRecord]:
    """One event, refused and then accepted; its attempts as they are stored, newest first."""
    bench = Bench(store, clock, ScriptedNetwork(echo_then_accept))
    webhook = await bench.webhook("crm", headers=OWN, retry=RETRY, **fields)
    await bench.post("a")
    await bench.settle()
    clock.advance(2)
    await bench.settle()
    [event] = await whole_log(store)
    return await store.deliveries.attempts(
        DEFAULT_ACCOUNT, webhook, event.partition, event.position
    )


class ObservingConformance:
    """Attempts keep how they went, and nothing secret."""

    async def test_request_headers_and_timings_are_kept_of_all(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        accepted, refused = await attempts_made(store, clock)
        for record in (accepted, refused):
            detail = read_detail(record.detail)
            assert detail.request["webhook-attempt"] == str(record.number)
            assert detail.request["webhook-id"] == record.event_id
            assert detail.timings == Timings(connect_ms=3.5, first_byte_ms=8.0)

    async def test_of_failures_the_response_is_kept_too(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        accepted, refused = await attempts_made(store, clock)
        assert (accepted.response, read_detail(accepted.detail).response) == (None, None)
        assert refused.response == b"*** \xff"
        assert read_detail(refused.detail).response == {"server": "x", "x-echo": "***"}

    async def test_an_endpoint_that_asks_for_it_has_all_responses_kept(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        accepted, _ = await attempts_made(store, clock, keep_responses=True)
        assert accepted.response == b"*** \xff"
        assert read_detail(accepted.detail).response is not None

    async def test_nothing_that_the_owner_set_is_in_the_store(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        for record in await attempts_made(store, clock, keep_responses=True):
            assert b"s3cr3t" not in (record.detail or b"") + (record.response or b"")
            assert read_detail(record.detail).request["Authorization"] == "***"
