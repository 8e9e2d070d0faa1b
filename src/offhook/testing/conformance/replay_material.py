"""What suites of replays are made of: a receiver that remembers, and who asks and watches."""

from collections import Counter

from msgspec.structs import replace

from offhook.delivery.entries import Answer, DeliveryFilter, DeliveryStatus, Request
from offhook.delivery.replays.entries import (
    ReplayJob,
    ReplayScope,
    ReplayState,
    ReplayView,
)
from offhook.model.ids import DEFAULT_ACCOUNT, ReplayId, WebhookId
from offhook.testing.conformance.lists import listed
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import OK, ScriptedNetwork, arrival

FAILED, UNDELIVERED, ALL = ReplayScope.FAILED, ReplayScope.UNDELIVERED, ReplayScope.ALL
REFUSED = Answer(418)
DOWN = Answer(503)
LEASE_S = 10.0
AT_ONCE = {"delays_s": [1, 2], "until_s": 3600, "statuses": [503]}
"""503 is tried again, 418 is given up."""


class Receiver:
    """Answers as ``answer`` says to each request; remembers what came by a replay."""

    def __init__(self, answer: Answer = OK) -> None:
        self.answer = answer
        self.refused = Counter[int]()
        self.network = ScriptedNetwork(self._answer)

    @property
    def replayed(self) -> list[tuple[str, int, str]]:
        """Key, sequence and job of each request of a replay."""
        return [
            (seen.key, seen.sequence, request.headers["webhook-replay"])
            for request in self.network.requests
            if "webhook-replay" in request.headers
            for seen in [arrival(request)]
        ]

    def _answer(self, request: Request) -> Answer:
        sequence = arrival(request).sequence
        if self.refused[sequence] > 0:
            self.refused[sequence] -= 1
            return DOWN
        return self.answer


def described(webhook: WebhookId, scope: ReplayScope, **fields: object) -> ReplayJob:
    """A job of the default account, all of the log unless ``fields`` say otherwise."""
    job = ReplayJob(
        id=ReplayId("rpl_1"),
        account=DEFAULT_ACCOUNT,
        webhook=webhook,
        scope=scope,
        since_ms=None,
        until_ms=None,
        types=None,
        rate_per_s=1_000,
    )
    return replace(job, **fields)


async def ask(
    bench: Bench, webhook: WebhookId, scope: ReplayScope, *, name: str = "", **fields: object
) -> ReplayId:
    """Ask for a replay, and have the dispatcher look."""
    replay = ReplayId(name or f"rpl_{bench.clock.now().timestamp():.6f}")
    made = await bench.store.replays.create_replay(
        replace(described(webhook, scope, **fields), id=replay), most=20
    )
    assert made is not None
    assert made.state is ReplayState.RUNNING
    bench.dispatcher.replay_asked()
    return replay


async def finished(bench: Bench, replay: ReplayId) -> ReplayView:
    """Let time pass until it has ended; what it came to."""
    for _ in range(200):
        await bench.pass_time(0.5)
        job = await job_of(bench, replay)
        if job.state is not ReplayState.RUNNING:
            return job
    raise AssertionError(f"still running: {job}")


async def job_of(bench: Bench, replay: ReplayId) -> ReplayView:
    """How far a replay is."""
    job = await bench.store.replays.replay(DEFAULT_ACCOUNT, replay)
    assert job is not None
    return job


async def statuses(store: ConformingStore) -> dict[DeliveryStatus, int]:
    """How many deliveries stand how."""
    views = await listed(store, DeliveryFilter())
    return dict(Counter(view.status for view in views))


def partitions_of(store: ConformingStore) -> range:
    """All partitions of the log."""
    return range(store.log.partitions)
