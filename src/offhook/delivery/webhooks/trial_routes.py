"""``POST /v1/webhooks/{id}/test``: sends an example event now, and answers with the attempt."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from offhook.api.auth import Gate, Scope
from offhook.api.problems import RateLimited
from offhook.api.routing import Asking, keyed_router
from offhook.clock import Clock
from offhook.delivery.entries import Answer, Request, Timings
from offhook.delivery.loading import document_of
from offhook.delivery.outgoing.recording import read_detail, shown_headers
from offhook.delivery.outgoing.sender import Sender
from offhook.delivery.policy import describe
from offhook.delivery.ports import Transport, WebhookStore
from offhook.delivery.subscriptions import Endpoint, endpoint_of
from offhook.delivery.webhooks.attempt_answers import TimingsAnswer, timings_answer
from offhook.delivery.webhooks.finding import Entropy, found
from offhook.model.catalogue import ENDED, canonical, read_pattern
from offhook.model.errors import FieldError, Invalid, OffhookError
from offhook.model.event import LogEvent, rfc3339_ms, to_ms
from offhook.model.examples import example_data
from offhook.model.ids import AccountId, WebhookId, event_id
from offhook.model.payloads import key_of

_log = structlog.get_logger(__name__)

MOST_AT_ONCE = 16
"""Of a process: each may last as long as its endpoint's timeout."""

_EVERY_S = 1.0
_REMEMBERED = 10_000


class Trial(BaseModel):
    """Of which type the example is; left out, the first type that the webhook names."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    type: Annotated[str | None, Field(max_length=128)] = None


class TrialAnswer(BaseModel):
    """The attempt: what was sent and what came back. Values of the webhook's own headers are
    ``***``; ``response`` is the start of the body."""

    event_id: str
    event_type: str
    started_at: str
    duration_ms: float
    accepted: bool
    status: int | None
    error: str | None
    request_headers: dict[str, str]
    request_body: str
    response_headers: dict[str, str] | None
    response: str | None
    timings: TimingsAnswer


class TooManyTests(RateLimited):
    """This endpoint was tested a moment ago, or too many are being tested."""

    code = "too_many_tests"

    def __init__(self, detail: str) -> None:
        OffhookError.__init__(self, detail)
        self.retry_after_s = 1


def trial_router(
    *,
    gate: Gate,
    webhooks: WebhookStore,
    transport: Transport,
    clock: Clock,
    entropy: Entropy,
    prefix: str = "/v1",
    documented: bool = True,
) -> APIRouter:
    """The route under ``<prefix>/webhooks``."""
    router = keyed_router(
        gate,
        read=Scope.READ,
        write=Scope.WEBHOOKS_WRITE,
        tag="webhooks",
        prefix=f"{prefix}/webhooks",
        documented=documented,
    )
    at = TrialRoutes(webhooks, transport, clock, entropy)
    router.add_api_route("/{webhook_id}/test", at.test_webhook, methods=["POST"])
    return router


class TrialRoutes:
    """What the route does."""

    def __init__(
        self, webhooks: WebhookStore, transport: Transport, clock: Clock, entropy: Entropy
    ) -> None:
        self._webhooks = webhooks
        self._transport = transport
        self._clock = clock
        self._entropy = entropy
        self._pacing = _Pacing(clock)

    async def test_webhook(
        self, asking: Asking, webhook_id: WebhookId, trial: Trial | None = None
    ) -> TrialAnswer:
        """Send an example event to the endpoint now, signed and masked as any, whatever it filters
        and whether or not it is enabled. It counts neither for its health nor for its bounds, and
        is not in the log."""
        stored = await found(self._webhooks, asking.account, webhook_id)
        document_of(stored)
        endpoint = msgspec.structs.replace(endpoint_of(stored), keep_responses=True)
        event = self._example(asking.account, _type(trial or Trial(), endpoint))
        with self._pacing.turn(webhook_id):
            return await self._sent(endpoint, event)

    async def _sent(self, endpoint: Endpoint, event: LogEvent) -> TrialAnswer:
        started_ms = to_ms(self._clock.now())
        wire = _Tap(self._transport)
        answer = await Sender(transport=wire, clock=self._clock).send(endpoint, event, 1)
        _log.info(
            "test_sent",
            webhook_id=endpoint.id,
            event_type=event.type,
            status=answer.status,
            error=answer.failure,
            duration_ms=round(answer.duration_ms, 1),
        )
        return _told(endpoint, event, wire.request, answer, started_ms)

    def _example(self, account: AccountId, type_: str) -> LogEvent:
        """An event that is in no log, of a place that none has."""
        now_ms = to_ms(self._clock.now())
        position = int.from_bytes(self._entropy(4), "big")
        id_ = event_id(now_ms, partition=0, position=position, partitions=1)
        data = example_data(type_)
        return LogEvent(
            partition=0,
            position=position,
            id=id_,
            account=account,
            type=type_,
            key=data.get("call_id") or key_of(type_, data) or id_,
            sequence=1,
            created_ms=now_ms,
            test=True,
            historical=False,
            headers=None,
            data=msgspec.json.encode(data),
        )


class _Tap:
    """A transport that keeps the request that went through it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.request: Request | None = None

    async def send(self, request: Request) -> Answer:
        self.request = request
        return await self._transport.send(request)

    async def close(self) -> None:
        """The transport is somebody else's."""


class _Pacing:
    """One test of an endpoint at a time, one begun in a second, and a bound on all of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._under_way: set[WebhookId] = set()
        self._begun_s: OrderedDict[WebhookId, float] = OrderedDict()

    @contextmanager
    def turn(self, webhook: WebhookId) -> Iterator[None]:
        """Raises ``TooManyTests`` where it is not this one's."""
        if webhook in self._under_way:
            raise TooManyTests(f"A test of {webhook} is under way; wait for its answer.")
        if len(self._under_way) >= MOST_AT_ONCE:
            raise TooManyTests(f"{MOST_AT_ONCE} tests are under way; try again in a moment.")
        now_s = self._clock.monotonic()
        if now_s < self._begun_s.get(webhook, float("-inf")) + _EVERY_S:
            raise TooManyTests(f"{webhook} was tested less than a second ago; try again in one.")
        self._begun_s[webhook] = now_s
        self._begun_s.move_to_end(webhook)
        if len(self._begun_s) > _REMEMBERED:
            self._begun_s.popitem(last=False)
        self._under_way.add(webhook)
        try:
            yield
        finally:
            self._under_way.discard(webhook)


def _type(trial: Trial, endpoint: Endpoint) -> str:
    if trial.type is not None:
        type_ = read_pattern(trial.type, "body.type")
        if "*" in type_:
            problem = f"{trial.type!r} is a pattern; name one type, such as {ENDED}"
            raise Invalid(f"body.type: {problem}.", FieldError("body.type", problem))
        return type_
    named = [pattern for pattern in endpoint.patterns if "*" not in pattern]
    return (canonical(named[0]) or named[0]) if named else ENDED


def _told(
    endpoint: Endpoint, event: LogEvent, request: Request | None, answer: Answer, started_ms: int
) -> TrialAnswer:
    detail = read_detail(answer.record)
    accepted = answer.status is not None and 200 <= answer.status < 300
    headers = {} if request is None else request.headers
    return TrialAnswer(
        event_id=event.id,
        event_type=event.type,
        started_at=rfc3339_ms(started_ms),
        duration_ms=answer.duration_ms,
        accepted=accepted,
        status=answer.status,
        error=None if accepted else describe(answer),
        request_headers=shown_headers(headers, endpoint, event, signatures=True),
        request_body="" if request is None else request.body.decode(),
        response_headers=detail.response,
        response=None if answer.status is None else answer.body.decode(errors="replace"),
        timings=timings_answer(answer.timings or Timings(), answer.duration_ms),
    )
