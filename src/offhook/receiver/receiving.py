"""The receiver: verifies, keeps, answers; behind it, hands each event to the handler."""

import asyncio
import secrets as random_bytes
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import structlog

from offhook.clock import Clock
from offhook.model.errors import OffhookError, Overloaded, TooLarge, Unreadable
from offhook.receiver import asgi
from offhook.receiver.answers import Answer, accepted, not_found, refused, wrong_method
from offhook.receiver.calling import Handler, Handlers
from offhook.receiver.counting import Count, Counted, uncounted
from offhook.receiver.event import Event, lane_of, stored_body
from offhook.receiver.journal import Journal
from offhook.receiver.masking import masked, told
from offhook.receiver.naming import Naming
from offhook.receiver.ports import Arrival, Queue, Receipt
from offhook.receiver.verification import SignatureError, Verifier
from offhook.receiver.worker import Handling, Worker
from offhook.signing import STANDARD, Rejected, SignedRequest
from offhook.signing.presets import Preset
from offhook.signing.verify import DEFAULT_TOLERANCE_S

MAX_BODY_BYTES: Final = 1_048_576

RANDOM: Final = random_bytes.SystemRandom()

_log = structlog.get_logger(__name__)


class Receiver:
    """Takes webhooks and hands each event to ``handler``, or to that of its type out of several.

    A 2xx means that the event is kept: it reaches the handler through crashes and restarts, once
    per event id, in order of arrival within its key (``ordered=False``: in no order). A crash
    between the handler's effect and its record hands the same event over again, and so does a
    handler that outlives its time. What is not signed by one of ``secrets`` gets 401 and leaves no
    trace but a log line; ``scheme`` says how, by name or as a value: ours, or another sender's,
    and ``naming`` where that one names event, type and key. A request may be ``tolerance_s`` old.
    What fails ``handling.retries.max_attempts`` times is a dead letter.

    Any number of processes may run a receiver over the same queue; each handles what any received.

    It is an ASGI app, for any ASGI server; the queue is opened and closed with it. Inside another
    app, which keeps the lifespan to itself, enter ``running()`` there. For frameworks without an
    event loop there is ``offhook.receiver.threaded``.
    """

    def __init__(
        self,
        handler: Handler | Handlers,
        secrets: str | Sequence[str],
        queue: Queue,
        *,
        scheme: Preset | str = STANDARD,
        naming: Naming | None = None,
        tolerance_s: int = DEFAULT_TOLERANCE_S,
        path: str = "/webhook",
        ordered: bool = True,
        handling: Handling | None = None,
        clock: Clock | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        stop_grace_s: float = 5.0,
        count: Count = uncounted,
    ) -> None:
        self._verifier = Verifier(
            secrets, scheme, clock=clock, tolerance_s=tolerance_s, naming=naming
        )
        self.path = path
        self.queue = queue
        self.max_body_bytes = max_body_bytes
        self._ordered = ordered
        self._stop_grace_s = stop_grace_s
        self._count = count
        self._handler = handler
        self._handling = handling or Handling()
        self._journal: Journal | None = None

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await asgi.serve_at(self.path, self, scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take events and hand them over while this is entered; on leaving, let running handlers
        finish and write what they did."""
        journal, worker = await self.set_up()
        writing = asyncio.create_task(journal.run(worker.committed))
        working = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            await worker.stop(self._stop_grace_s)
            # Not before: until then it holds the leases of what is being handled.
            working.cancel()
            journal.stop()
            await asyncio.gather(writing, working, return_exceptions=True)
            await self.queue.close()

    async def set_up(self, rnd: Callable[[], float] = RANDOM.random) -> tuple[Journal, Worker]:
        """Open the queue, and make what ``running`` runs: what writes, and what hands over. Who
        steps them by hand closes the queue. ``rnd`` spreads the retries."""
        await self.queue.open()
        holder = random_bytes.token_hex(8)
        journal = self._journal = Journal(self.queue, holder)
        worker = Worker(
            self.queue,
            self._handler,
            journal.settle,
            holder=holder,
            handling=self._handling,
            count=self._count,
            rnd=rnd,
        )
        return journal, worker

    def refusal(self, method: str, headers: Mapping[str, str]) -> Answer | None:
        """The answer to a request that is refused by its method or its announced length, before its
        body is read; ``None`` if it is to be read. Names of ``headers`` are in lower case."""
        if method != "POST":
            return self._refused(wrong_method(), "method_not_allowed")
        length = headers.get("content-length", "")
        if length.isdecimal() and (len(length) > 18 or int(length) > self.max_body_bytes):
            return self.refuse(self._too_large())
        return None

    def refuse(self, error: OffhookError) -> Answer:
        """The answer to a request that is not taken for this reason."""
        # What is wrong with a signature may quote it; that is for the sender, not for the log.
        said = {"reason": error.reason} if isinstance(error, SignatureError) else {}
        return self._refused(refused(error), error.code, **said)

    def elsewhere(self) -> Answer:
        """The answer to a request that went to another path than the receiver's."""
        return self._refused(not_found(self.path), "not_found")

    async def receive(self, request: SignedRequest) -> Answer:
        """Verify a request, keep its event durably, and say what to answer. Never raises.

        ``request.body`` may be cut off past ``max_body_bytes``. Must be awaited on the event loop
        that ``running()`` is entered on.
        """
        try:
            if len(request.body) > self.max_body_bytes:
                raise self._too_large()
            event = self._verified(request)
            receipt = await self._record(event)
        except (SignatureError, Unreadable, TooLarge, Overloaded) as error:
            return self.refuse(error)
        self._count(Counted.RECEIVED if receipt is Receipt.NEW else Counted.REPEATED)
        if receipt is Receipt.DEAD_LETTER:
            _log.warning("repeat_of_dead_letter", event_id=event.id, event_type=masked(event.type))
        return accepted(receipt)

    def _verified(self, request: SignedRequest) -> Event:
        verdict = self._verifier.verify(request)
        if isinstance(verdict, Rejected):
            raise SignatureError(verdict)
        return self._verifier.event(request, verdict)

    async def _record(self, event: Event) -> Receipt:
        if self._journal is None:
            raise Overloaded("The receiver is not running yet; try again in a second.")
        lane = lane_of(event) if self._ordered else event.id
        try:
            body = stored_body(event)
        except RecursionError:
            raise Unreadable("The event is nested too deeply. Send less in one.") from None
        return await self._journal.record(Arrival(event.id, lane, body))

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is larger than {self.max_body_bytes} bytes.")

    def _refused(self, answer: Answer, code: str, **said: str) -> Answer:
        self._count(Counted.REFUSED)
        _log.warning("request_refused", status=int(answer.status), code=code, **said)
        return answer

    async def _live(self, receive: asgi.Receive, send: asgi.Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self.running())
            except Exception as error:  # noqa: BLE001 - whatever opening the queue raises
                _log.error("receiver_not_started", error=told(error))
                await send({"type": "lifespan.startup.failed", "message": told(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
