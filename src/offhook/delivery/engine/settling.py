"""What came back from endpoints, settled: each attempt by itself."""

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog

from offhook.clock import Clock
from offhook.delivery.announcing import about_delivery
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.outcome import FAILS, Decision, apply, decide, note
from offhook.delivery.engine.reporting import HealthReporter
from offhook.delivery.engine.sending import Sent
from offhook.delivery.entries import Answer, FailureKind
from offhook.delivery.policy import Delivered, Disable, Verdict
from offhook.delivery.queueing.queues import Delivery, EndpointQueue, Queues
from offhook.model.event import to_ms
from offhook.model.ids import WebhookId

_log = structlog.get_logger(__name__)

OnSent = Callable[[Sent, Verdict | None], None]
"""Told of each attempt that came back, and of what it came to; ``None``: its partition is
another process's by now."""


class Settler:
    """Decides what each answer means, applies that, and takes note of how the endpoint does.

    An answer that no decision can be made of is a failure of that one attempt, tried again as the
    endpoint's schedule says; it holds up no other. ``flow_of`` names who a delivery is settled
    with.
    """

    def __init__(
        self,
        *,
        queues: Queues,
        health: HealthReporter,
        clock: Clock,
        rnd: random.Random,
        flow_of: Callable[[Delivery], PartitionFlow | None],
        on_sent: OnSent,
    ) -> None:
        self._queues = queues
        self._health = health
        self._clock = clock
        self._rnd = rnd
        self._flow_of = flow_of
        self._on_sent = on_sent

    def settle(self, back: Iterable[Sent]) -> bool:
        """Settle all of these; false if what is in memory of one may be wrong since."""
        now_ms, sound = to_ms(self._clock.now()), True
        for sent in back:
            try:
                self._one(sent, now_ms)
            except Exception:  # noqa: BLE001 - the others are settled all the same
                _log.exception("not_settled", **_place(sent.delivery))
                sound = False
        return sound

    def leave_alone(self, webhook: WebhookId) -> None:
        """It is to be disabled. Until that is in the store nothing is begun, and nothing of it
        forgotten either: its owner may have changed it, and then it goes on."""
        queue = self._queues.find(webhook)
        if queue is not None:
            queue.circuit.trip(self._clock.monotonic())
            self.put_back(queue, self._queues.rest(queue), FAILS)

    def put_back(self, queue: EndpointQueue, waiting: Iterable[Delivery], why: str) -> None:
        """These waited in memory for an endpoint that nothing goes to for now, and would hold the
        cursor back."""
        now_ms = to_ms(self._clock.now())
        for delivery in waiting:
            flow = self._flow_of(delivery)
            if flow is not None:
                flow.put_back(delivery, queue.endpoint, now_ms, why)

    def _one(self, sent: Sent, now_ms: int) -> None:
        flow, verdict = self._flow_of(sent.delivery), None
        if flow is None:
            sent.queue.pass_on(sent.delivery.lane)
        else:
            sent, decision = self._decided(flow, sent, now_ms)
            verdict = decision.verdict
            apply(flow, sent, decision, now_ms)
            self._follow(sent, verdict, now_ms)
        self._queues.look_at(sent.queue)
        self._tell(sent, verdict)

    def _decided(self, flow: PartitionFlow, sent: Sent, now_ms: int) -> tuple[Sent, Decision]:
        """What is decided of an attempt; of one that nothing can be, as of one that failed."""
        try:
            return sent, decide(flow, sent, now_ms=now_ms, rnd=self._rnd.random)
        except Exception as error:  # noqa: BLE001 - whatever a receiver sent, it is one attempt
            _log.exception("not_judged", **_place(sent.delivery))
            answer = Answer(
                None,
                FailureKind.UNSETTLED,
                f"what it answered could not be judged ({type(error).__name__})",
                duration_ms=sent.answer.duration_ms,
            )
            failed = replace(sent, answer=answer)
            return failed, decide(flow, failed, now_ms=now_ms, rnd=self._rnd.random)

    def _follow(self, sent: Sent, verdict: Verdict, now_ms: int) -> None:
        accepted = isinstance(verdict, Delivered)
        quiet = about_delivery(sent.delivery.event.type) and not accepted
        if not (sent.answer.is_ours or sent.elsewhere or quiet):
            self._health.note(sent.endpoint, accepted=accepted, at_ms=now_ms)
        if note(sent, verdict, now_ms=now_ms, now_s=self._clock.monotonic()):
            self.put_back(sent.queue, self._queues.rest(sent.queue), FAILS)
        if isinstance(verdict, Disable):
            self.leave_alone(sent.delivery.webhook)

    def _tell(self, sent: Sent, verdict: Verdict | None) -> None:
        try:
            self._on_sent(sent, verdict)
        except Exception:  # noqa: BLE001 - what counts attempts must not stop deliveries
            _log.exception("attempt_not_noted", **_place(sent.delivery))


def _place(delivery: Delivery) -> dict[str, str | int]:
    event = delivery.event
    return {
        "webhook_id": delivery.webhook,
        "partition": event.partition,
        "position": event.position,
    }
