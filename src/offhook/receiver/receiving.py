"""The receiver as an ASGI app: verify, keep, answer; then hand over to the handler, behind it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import structlog

from offhook.clock import Clock, SystemClock
from offhook.model.errors import OffhookError, Overloaded, TooLarge, Unreadable
from offhook.receiver.asgi import (
    Disconnected,
    Receive,
    Scope,
    Send,
    answer,
    answer_problem,
    headers_of,
    read_body,
)
from offhook.receiver.handover import RETRY_DELAYS_S, Handler, Handover
from offhook.receiver.journal import Journal
from offhook.receiver.ports import Arrival, Inbox
from offhook.receiver.verification import SignatureError, verify_request
from offhook.signing import STANDARD, Scheme, Unsigned, check_secret

_log = structlog.get_logger(__name__)


class Receiver:
    """Takes webhooks at ``path`` and hands each event to ``handler``.

    A 2xx means that the event is kept: it reaches the handler through crashes and restarts, once
    per event id, in order of arrival within its key. Only a crash between the handler's effect and
    its record hands the same event over again. What is not signed by one of ``secrets`` gets 401
    and leaves no trace but a log line.

    Serve it with any ASGI server, in one process; the inbox is closed with it. Inside another app,
    which keeps the lifespan to itself, enter ``running()`` there.
    """

    def __init__(
        self,
        handler: Handler,
        secrets: str | Sequence[str],
        inbox: Inbox,
        *,
        scheme: Scheme = STANDARD,
        path: str = "/webhook",
        clock: Clock | None = None,
        concurrency: int = 16,
        retry_delays_s: Sequence[float] = RETRY_DELAYS_S,
        stop_grace_s: float = 5.0,
    ) -> None:
        self._secrets = (secrets,) if isinstance(secrets, str) else tuple(secrets)
        for secret in self._secrets:
            check_secret(secret, scheme, "secrets")
        if not self._secrets and not isinstance(scheme, Unsigned):
            raise ValueError("secrets is empty; give the one that the sender signs with")
        self._scheme = scheme
        self._path = path
        self._clock = clock or SystemClock()
        self._stop_grace_s = stop_grace_s
        self._inbox = inbox
        self._journal = Journal(inbox)
        self._handover = Handover(
            handler=handler,
            inbox=inbox,
            mark_handled=self._journal.mark_handled,
            concurrency=concurrency,
            retry_delays_s=retry_delays_s,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hand events over while this is entered; on leaving, let running handlers finish and write
        what they did."""
        writing = asyncio.create_task(self._journal.run(self._handover.offer))
        reading = asyncio.create_task(self._handover.run())
        try:
            yield
        finally:
            reading.cancel()
            await self._handover.stop(self._stop_grace_s)
            self._journal.stop()
            await asyncio.gather(writing, reading, return_exceptions=True)
            await self._inbox.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].removeprefix(scope.get("root_path", "")) != self._path:
            detail = f"Nothing is here; webhooks are taken at {self._path}."
            await answer_problem(send, HTTPStatus.NOT_FOUND, "not_found", detail)
        elif scope["method"] != "POST":
            status, detail = HTTPStatus.METHOD_NOT_ALLOWED, "Webhooks are sent with POST."
            await answer_problem(send, status, "method_not_allowed", detail, {"allow": "POST"})
        else:
            with suppress(Disconnected):
                await self._take(scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        try:
            body = await read_body(headers, receive)
            now = self._clock.now()
            event = verify_request(headers, body, self._secrets, self._scheme, now=now)
            is_new = await self._journal.record(Arrival(event.id, event.key, body))
        except (SignatureError, Unreadable, TooLarge, Overloaded) as error:
            await _refuse(send, error)
        else:
            await answer(send, HTTPStatus.OK, {"received": True, "duplicate": not is_new})


async def _refuse(send: Send, error: OffhookError) -> None:
    match error:
        case SignatureError():
            status, headers = HTTPStatus.UNAUTHORIZED, {}
        case TooLarge():
            status, headers = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"connection": "close"}
        case Overloaded():
            retry_after = str(error.retry_after_s)
            status, headers = HTTPStatus.SERVICE_UNAVAILABLE, {"retry-after": retry_after}
        case _:
            status, headers = HTTPStatus.BAD_REQUEST, {}
    _log.warning("request_refused", status=int(status), code=error.code, detail=error.detail)
    await answer_problem(send, status, error.code, error.detail, headers)
