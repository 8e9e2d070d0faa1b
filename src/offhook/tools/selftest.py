"""``offhook selftest``: a known event goes through a running server, and its effect is seen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import aiohttp
import msgspec

from offhook.clock import Clock
from offhook.model.errors import Invalid, OffhookError
from offhook.tools import probe
from offhook.tools.arrivals import Arrivals, listening
from offhook.tools.effect import Expectation, Watch
from offhook.tools.probe import Probe, Registered, Request
from offhook.tools.server import (
    Server,
    check_http_url,
    check_server,
    check_test_key,
)
from offhook.tools.temporary import find_webhooks, make_webhook, remove_webhooks
from offhook.tools.triggering import Posted, deliveries_path, post_in_turn
from offhook.tools.verdict import SelfTest, Step, StepResult

_CLEANUP_S: Final = 5.0
_WHY_S: Final = 5.0
_LEFT_AFTER: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class SelfTestOptions:
    """Which server, within how long, and how it reaches the receiver: at ``public_url``, else at
    the address that is listened on."""

    url: str
    key: str | None
    type: str = probe.TYPE
    timeout_s: float = 10.0
    listen: str = "127.0.0.1:0"
    public_url: str | None = None
    expected: Expectation | None = None


class _Attempt(msgspec.Struct, frozen=True):
    status: int | None = None
    error: str | None = None


class _Delivery(msgspec.Struct, frozen=True):
    webhook_id: str
    status: str
    last_attempt: _Attempt | None = None


class _Deliveries(msgspec.Struct, frozen=True):
    data: list[_Delivery]


class _Failed(Exception):
    """A step failed; those after it make no sense."""


async def run_selftest(options: SelfTestOptions, *, clock: Clock, marker: str) -> SelfTest:
    """Go through all steps, and take away what was made for them, also when it is cancelled.

    ``marker`` is a text that no other run has. Raises ``Invalid`` for options that cannot be used;
    what else goes wrong is a step that failed.
    """
    key = check_server(options.url, options.key)
    check_test_key(key, "those of a live key reach live endpoints")
    if options.public_url is not None:
        check_http_url(options.public_url, "--public-url")
    if options.expected is not None:
        check_http_url(options.expected.url, "--expect")
    host, port = _address(options.listen)
    fired = probe.make_probe(options.type, marker=marker, now=clock.now())
    async with listening(host, port) as arrivals, aiohttp.ClientSession() as session:
        server = Server(session, options.url, key)
        url = options.public_url or f"http://{_in_url(host)}:{arrivals.port}/offhook-selftest"
        run = _Run(server, options, fired, arrivals, url, clock)
        return await run.through()


class _Run:
    """One self-test. All its steps together end by ``timeout_s``."""

    def __init__(
        self,
        server: Server,
        options: SelfTestOptions,
        fired: Probe,
        arrivals: Arrivals,
        url: str,
        clock: Clock,
    ) -> None:
        self._server = server
        self._options = options
        self._fired = fired
        self._arrivals = arrivals
        self._url = url
        self._clock = clock
        self._until_s = asyncio.get_running_loop().time() + options.timeout_s
        self._steps: list[StepResult] = []
        self._event_id: str | None = None
        self._strangers = 0
        self._left_behind: str | None = None

    async def through(self) -> SelfTest:
        """What came out."""
        try:
            async with self._webhook() as webhook:
                await self._fire(webhook)
        except _Failed:
            pass
        return SelfTest(self._fired.marker, self._event_id, self._steps, self._left_behind)

    async def _fire(self, webhook: Registered) -> None:
        async with self._step(Step.POST, lambda: "the server gave no answer"):
            posted = await post_in_turn(self._server, self._fired.items)
            self._event_id = posted.id
        try:
            async with self._step(Step.DELIVERED, self._what_came):
                request = await self._delivery(posted)
        except _Failed:
            await self._explain(webhook, posted)
            raise
        async with self._step(Step.VERIFIED, lambda: ""):
            self._check(request, webhook, posted)
        if self._options.expected is not None:
            await self._see_effect(self._options.expected, posted)

    async def _delivery(self, posted: Posted) -> Request:
        """The request that brings the event. Whoever else finds the address is passed over."""
        while not probe.brings(request := await self._arrivals.next(), posted.id):
            self._strangers += 1
        return request

    def _what_came(self) -> str:
        if self._strangers == 0:
            return "no request came"
        return f"none of the {self._strangers} requests that came has the event's id as webhook-id"

    async def _see_effect(self, expected: Expectation, posted: Posted) -> None:
        names = {"event_id": posted.id, "key": posted.key, "marker": self._fired.marker}
        page = expected.filled(names)
        watch = Watch(self._server.session, page, self._server.sleep)
        async with self._step(Step.EFFECT, lambda: f"{page.url} does not show it: {watch.seen}"):
            await watch.until_shown()

    def _check(self, request: Request, webhook: Registered, posted: Posted) -> None:
        found = probe.fault(request, self._fired, posted.id, webhook.secret, self._clock.now())
        if found is not None:
            raise Invalid(f"the request that came is not right: {found}")

    async def _explain(self, webhook: Registered, posted: Posted) -> None:
        """Add to the failure what the server knows of the delivery."""
        try:
            async with asyncio.timeout(_WHY_S):
                path = deliveries_path(posted.id)
                found = await self._server.ask_for(_Deliveries, "GET", path)
        except (OffhookError, TimeoutError):
            return
        own = (_told(each) for each in found.data if each.webhook_id == webhook.id)
        why = next(own, "not made yet")
        late = self._steps.pop()
        problem = f"{late.problem}; the server says of the delivery: {why}"
        self._steps.append(StepResult(late.step, late.took_ms, problem))

    @asynccontextmanager
    async def _step(self, step: Step, late: Callable[[], str]) -> AsyncIterator[None]:
        began_s, problem = self._clock.monotonic(), None
        try:
            async with asyncio.timeout_at(self._until_s):
                yield
        except TimeoutError:
            problem = f"{late()}, within {self._options.timeout_s:g} s in all"
        except OffhookError as error:
            problem = error.detail.removesuffix(".")
        took_ms = (self._clock.monotonic() - began_s) * 1000
        self._steps.append(StepResult(step, took_ms, problem))
        if problem is not None:
            raise _Failed

    @asynccontextmanager
    async def _webhook(self) -> AsyncIterator[Registered]:
        """The temporary webhook while inside. Where its making was cut off, it is looked for."""
        made: Registered | None = None
        try:
            async with self._step(Step.WEBHOOK, lambda: "the server gave no answer"):
                made = await self._make()
            yield made
        finally:
            await self._clean_up(made)

    async def _make(self) -> Registered:
        now = self._clock.now()
        left = await find_webhooks(self._server, lambda it: probe.is_left_behind(it, now))
        await remove_webhooks(self._server, left)
        within = timedelta(seconds=self._options.timeout_s) + _LEFT_AFTER
        document = probe.temporary_webhook(self._fired, self._url, now=now, within=within)
        return await make_webhook(self._server, document)

    async def _clean_up(self, made: Registered | None) -> None:
        try:
            async with asyncio.timeout(_CLEANUP_S):
                own = [made] if made is not None else await self._own()
                await remove_webhooks(self._server, own)
        except (OffhookError, TimeoutError) as error:
            if made is not None:
                said = getattr(error, "detail", f"no answer within {_CLEANUP_S:g} s")
                self._left_behind = f"{made.id} ({said}); a later run removes it"

    async def _own(self) -> list[Registered]:
        marker = self._fired.marker
        return await find_webhooks(self._server, lambda it: probe.is_of(it, marker))


def _told(delivery: _Delivery) -> str:
    attempt = delivery.last_attempt or _Attempt(error="no attempt yet")
    return f"{delivery.status}, {attempt.error or f'answered {attempt.status}'}"


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise Invalid(f"--listen {listen!r} is no address; write it as 127.0.0.1:9000.")
    return host.strip("[]"), int(port)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
