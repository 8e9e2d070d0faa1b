"""Forwarding events to a URL of the user's own: signed like deliveries, in order per key."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

import aiohttp

from offhook import __version__
from offhook.clock import Clock
from offhook.integrations.posting import Sleep, what_failed
from offhook.model.event import to_ms
from offhook.signing import Signer
from offhook.tools.following import StreamedEvent

RETRIES_S: Final = (0.5, 1.0, 2.0)
"""How long after each refusal an event is tried again, before it is let go."""

_TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
_HELD: Final = 256
_IN_FLIGHT: Final = 16


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What became of an event: the last answer to it, or why there was none."""

    event: StreamedEvent
    attempts: int
    status: int | None
    error: str | None
    latency_ms: float

    @property
    def accepted(self) -> bool:
        """Whether the endpoint took it."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(slots=True)
class _Progress:
    """The cursor up to which everything is dealt with, whatever ended first."""

    cursor: str = ""
    _taken: deque[StreamedEvent] = field(default_factory=deque)
    _done: set[str] = field(default_factory=set)

    def took(self, event: StreamedEvent) -> None:
        self._taken.append(event)

    def did(self, event: StreamedEvent) -> None:
        self._done.add(event.cursor)
        while self._taken and self._taken[0].cursor in self._done:
            self.cursor = self._taken.popleft().cursor
            self._done.remove(self.cursor)

    @property
    def waiting(self) -> int:
        return len(self._taken) - len(self._done)


class Forwarder:
    """Sends each event to ``url``, and tells what became of it.

    A key's events go one after another, sixteen keys beside one another. An event that is refused
    is tried again three times within 3.5 s while its key waits. At most 256 events are held.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        url: str,
        signer: Signer,
        clock: Clock,
        told: Callable[[Forwarded], None],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._session = session
        self._url = url
        self._signer = signer
        self._clock = clock
        self._told = told
        self._sleep = sleep
        self._progress = _Progress()
        self._room = asyncio.Semaphore(_HELD)
        self._in_flight = asyncio.Semaphore(_IN_FLIGHT)
        self._lanes: dict[str, deque[StreamedEvent]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: asyncio.Queue[BaseException] = asyncio.Queue()

    @property
    def cursor(self) -> str:
        """The cursor after the last event before which none waits; empty if there is none."""
        return self._progress.cursor

    @property
    def waiting(self) -> int:
        """How many events have no final answer."""
        return self._progress.waiting

    async def take(self, event: StreamedEvent) -> None:
        """Forward an event after those of its key; returns when there is room for it."""
        await self._room.acquire()
        self._progress.took(event)
        key = event.envelope.key
        lane = self._lanes.get(key)
        if lane is not None:
            lane.append(event)
            return
        self._lanes[key] = deque((event,))
        task = asyncio.create_task(self._run(key))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def until_broken(self) -> NoReturn:
        """Wait until what became of an event cannot be told; raises what ``told`` raised."""
        raise await self._failures.get()

    async def stop(self) -> None:
        """Leave what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failures.put_nowait(failure)

    async def _run(self, key: str) -> None:
        lane = self._lanes[key]
        while lane:
            forwarded = await self._forward(lane[0])
            self._progress.did(lane.popleft())
            self._room.release()
            self._told(forwarded)
        del self._lanes[key]

    async def _forward(self, event: StreamedEvent) -> Forwarded:
        forwarded = await self._attempt(event, 1)
        for number, wait_s in enumerate(RETRIES_S, 2):
            if forwarded.accepted:
                break
            await self._sleep(wait_s)
            forwarded = await self._attempt(event, number)
        return forwarded

    async def _attempt(self, event: StreamedEvent, number: int) -> Forwarded:
        status, error = None, None
        async with self._in_flight:
            began_s = self._clock.monotonic()
            try:
                status = await self._post(event, number)
            except (aiohttp.ClientError, TimeoutError) as failure:
                error = what_failed(failure)
            latency_ms = (self._clock.monotonic() - began_s) * 1000
        return Forwarded(event, number, status, error, latency_ms)

    async def _post(self, event: StreamedEvent, number: int) -> int:
        headers = {
            "user-agent": f"Offhook/{__version__}",
            "content-type": "application/json",
            **self._signer.headers(event.envelope.id, to_ms(self._clock.now()), event.body),
            "webhook-attempt": str(number),
        }
        async with self._session.post(
            self._url, data=event.body, headers=headers, allow_redirects=False, timeout=_TIMEOUT
        ) as answer:
            return answer.status
