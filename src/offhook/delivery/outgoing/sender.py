"""Sending one delivery: render, sign, hand to the transport. What it means is not decided here."""

from collections.abc import Mapping

import msgspec

from offhook.clock import Clock
from offhook.delivery.entries import Answer, FailureKind, Request
from offhook.delivery.outgoing.recording import recorded
from offhook.delivery.outgoing.tracing import AttemptSpan, AttemptTracer
from offhook.delivery.ports import Transport
from offhook.delivery.subscriptions import Endpoint
from offhook.model.event import LogEvent, render, to_ms
from offhook.model.ids import ReplayId
from offhook.model.masking import contact_hider, masked

_AS_IT_IS = "surrogateescape"
"""Bytes that are no text come back as they were."""


class Sender:
    """Makes one attempt."""

    def __init__(
        self, *, transport: Transport, clock: Clock, tracer: AttemptTracer | None = None
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._tracer = tracer

    async def send(
        self,
        endpoint: Endpoint,
        event: LogEvent,
        number: int,
        *,
        late: bool = False,
        replay: ReplayId | None = None,
    ) -> Answer:
        """Attempt ``number`` (1 is the first) to deliver; signed anew, with the time of now. The
        request says if it is ``late``, out of its key's order, and which job replays it.

        Never raises for what the event, the endpoint or the network do: a request that cannot be
        built is an ``INTERNAL`` failure of this one delivery, what else nobody foresaw an
        ``UNSETTLED`` one, and want of memory a ``SHORTAGE``.
        """
        marks: dict[str, str] = {}
        if late:
            marks["webhook-late"] = "1"
        if replay is not None:
            marks["webhook-replay"] = replay
        try:
            if self._tracer is not None:
                span = self._tracer.begin(endpoint, event, number)
                return await self._traced(span, endpoint, event, number, marks)
            return await self._exchange(endpoint, event, number, marks)
        except Exception as error:  # noqa: BLE001 - one bad delivery must not stop the others
            return _failure(error, FailureKind.UNSETTLED)

    async def _exchange(
        self, endpoint: Endpoint, event: LogEvent, number: int, marks: Mapping[str, str]
    ) -> Answer:
        try:
            request = self._request(endpoint, event, number, marks)
        except Exception as error:  # noqa: BLE001 - it would be raised again each time
            return _failure(error, FailureKind.INTERNAL)
        answer = await self._transport.send(request)
        if endpoint.mask_key is not None:
            answer = _without_contact(answer, event)
        return recorded(answer, request, endpoint, event)

    async def _traced(
        self,
        span: AttemptSpan,
        endpoint: Endpoint,
        event: LogEvent,
        number: int,
        marks: Mapping[str, str],
    ) -> Answer:
        """The exchange within a span, whose headers stand for those that the event brought."""
        carried = span.headers
        own = {
            name: it for name, it in (event.headers or {}).items() if name.lower() not in carried
        }
        event = msgspec.structs.replace(event, headers=own)
        try:
            answer = await self._exchange(endpoint, event, number, {**marks, **carried})
        except Exception as error:
            span.end(_failure(error, FailureKind.UNSETTLED))
            raise
        span.end(answer)
        return msgspec.structs.replace(answer, trace_id=span.trace_id)

    def _request(
        self, endpoint: Endpoint, event: LogEvent, number: int, marks: Mapping[str, str]
    ) -> Request:
        if endpoint.mask_key is not None:
            event = masked(event, endpoint.mask_key)
        body = render(event, endpoint.version, endpoint.spellings.get(event.type))
        now_ms = to_ms(self._clock.now())
        ours = {
            **endpoint.signer.headers(event.id, now_ms, body),
            "webhook-attempt": str(number),
            **marks,
        }
        headers = _merged(ours, endpoint.headers, event.headers or {})
        return Request(
            endpoint.url, headers, body, endpoint.timeout_s, keep_response=endpoint.keep_responses
        )


def _failure(error: Exception, otherwise: FailureKind) -> Answer:
    kind = FailureKind.SHORTAGE if isinstance(error, MemoryError) else otherwise
    return Answer(None, kind, repr(error))


def _merged(*sets: Mapping[str, str]) -> dict[str, str]:
    """The headers of several sets, each name once, however it is spelled: the first set's goes
    before the second's. Whoever may send events must not replace what an endpoint's owner set."""
    found: dict[str, tuple[str, str]] = {}
    for headers in sets:
        for name, value in headers.items():
            found.setdefault(name.lower(), (name, value))
    return dict(found.values())


def _without_contact(answer: Answer, event: LogEvent) -> Answer:
    """What is kept of an answer must not tell what its request did not."""

    hidden = contact_hider(event).text
    return msgspec.structs.replace(
        answer,
        body=hidden(answer.body.decode(errors=_AS_IT_IS)).encode(errors=_AS_IT_IS),
        detail=None if answer.detail is None else hidden(answer.detail),
        headers=tuple((name, hidden(value)) for name, value in answer.headers),
    )
