"""What the demo's receiver does with a request: verify, fail on purpose or keep, count."""

from collections.abc import Mapping
from typing import Final, assert_never

import msgspec

from offhook.clock import Clock
from offhook.demo.faults import Fault, Faults
from offhook.demo.tally import Event, Tally
from offhook.demo.wire import Received, Reply
from offhook.model.event import to_ms
from offhook.signing.schemes import STANDARD
from offhook.signing.verdict import Verified
from offhook.signing.verify import verify

HOOK: Final = "/hook"
TALLY: Final = "/tally"
EXPECT: Final = "/expect"

_ACCEPTED: Final = Reply(200)
_REFUSED: Final = Reply(503)
_UNSIGNED: Final = Reply(401)
_DROPPED: Final = Reply(None)
_events: Final = msgspec.json.Decoder(Event)
_reports: Final = msgspec.json.Encoder()


class Endpoint:
    """Webhooks at ``/hook``; beside it ``GET /tally`` tells the count and ``POST /expect`` takes
    the ids, one a line, of the events that have to arrive.

    ``slow_s`` has to be longer than the sender waits for an answer.
    """

    def __init__(self, secret: str, faults: Faults, clock: Clock, slow_s: float) -> None:
        self._secrets = (secret,)
        self._faults = faults
        self._clock = clock
        self._slow = Reply(200, after_s=slow_s)
        self._tally = Tally()

    def handle(self, request: Received) -> Reply:
        """The reply to one request."""
        if request.path == HOOK:
            return self._hook(request)
        if request.path == EXPECT:
            self._tally.expect(request.body.decode().split())
        elif request.path != TALLY:
            return Reply(404)
        return Reply(200, _reports.encode(self._tally.report()))

    def _hook(self, request: Received) -> Reply:
        self._tally.request(_attempt(request.headers))
        now_ms = to_ms(self._clock.now())
        event = self._verified(request, now_ms)
        if event is None:
            self._tally.invalid()
            return _UNSIGNED
        fault = self._faults.next()
        if fault is not Fault.NONE:
            self._tally.failed_on_purpose()
        if fault not in (Fault.REFUSED, Fault.DROPPED_BEFORE):
            self._tally.keep(event, now_ms)
        return self._reply(fault)

    def _verified(self, request: Received, now_ms: int) -> Event | None:
        verdict = verify(
            STANDARD,
            self._secrets,
            headers=request.headers,
            body=request.body,
            now_s=now_ms // 1000,
        )
        if not isinstance(verdict, Verified):
            return None
        try:
            event = _events.decode(request.body)
        except msgspec.DecodeError:
            return None
        return event if event.id == verdict.event_id else None

    def _reply(self, fault: Fault) -> Reply:
        match fault:
            case Fault.NONE:
                return _ACCEPTED
            case Fault.REFUSED:
                return _REFUSED
            case Fault.DROPPED_BEFORE | Fault.DROPPED_AFTER:
                return _DROPPED
            case Fault.SLOW:
                return self._slow
            case _:
                assert_never(fault)


def _attempt(headers: Mapping[str, str]) -> int:
    number = headers.get("webhook-attempt", "1")
    return int(number) if number.isdigit() else 1
