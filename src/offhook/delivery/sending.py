"""Sends under way: each a task of its own, each handing back its answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from offhook.clock import Clock
from offhook.delivery.entries import Answer
from offhook.delivery.queues import Delivery, EndpointQueue
from offhook.delivery.sender import Sender
from offhook.delivery.subscriptions import Endpoint
from offhook.model.event import to_ms


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt that came back: from which queue, and to the endpoint as it was then."""

    delivery: Delivery
    queue: EndpointQueue
    endpoint: Endpoint
    answer: Answer
    started_ms: int


class Sends:
    """Starts sends and gathers what comes back."""

    def __init__(self, *, sender: Sender, clock: Clock, wake: Callable[[], None]) -> None:
        self._sender = sender
        self._clock = clock
        self._wake = wake
        self._tasks: set[asyncio.Task[None]] = set()
        self._back: list[Sent] = []

    @property
    def in_flight(self) -> int:
        """How many have not come back."""
        return len(self._tasks)

    def start(self, queue: EndpointQueue, delivery: Delivery) -> None:
        """Send it."""
        task = asyncio.create_task(self._send(queue, delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def collect(self) -> list[Sent]:
        """Take what came back since the last time."""
        back, self._back = self._back, []
        return back

    async def finish(self, within_s: float) -> None:
        """Wait for what is under way; what takes longer is cut off and will be sent again."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _send(self, queue: EndpointQueue, delivery: Delivery) -> None:
        endpoint = queue.endpoint
        started_ms = to_ms(self._clock.now())
        answer = await self._sender.send(endpoint, delivery.event, delivery.attempts + 1)
        self._back.append(Sent(delivery, queue, endpoint, answer, started_ms))
        self._wake()
