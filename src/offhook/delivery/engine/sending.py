"""Sends under way: each a task of its own, each handing back its answer."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from offhook.clock import Clock
from offhook.delivery.entries import Answer
from offhook.delivery.outgoing.sender import Sender
from offhook.delivery.queueing.permits import Permit, Permits
from offhook.delivery.queueing.queues import Delivery, EndpointQueue
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

    @property
    def outdated(self) -> bool:
        """Whether its endpoint was changed in any way since, or is gone."""
        return self.queue.closed or self.endpoint.revision != self.queue.endpoint.revision

    @property
    def elsewhere(self) -> bool:
        """Whether its endpoint stands elsewhere by now, or nowhere: what came back says nothing of
        how that does."""
        return self.queue.closed or self.endpoint.url != self.queue.endpoint.url


@dataclass(frozen=True, slots=True)
class Unsent:
    """A send that was started and then not begun."""

    delivery: Delivery
    queue: EndpointQueue


class Sends:
    """Starts sends and gathers what comes back.

    ``begins`` is asked in the task's first step, immediately before the request is made and sent:
    between ``start`` and that step the process may have been suspended for any time. Where it says
    no, nothing was sent and the delivery is handed back as ``Unsent``. ``in_flight`` bounds what is
    under way at once, see ``Permits``.
    """

    def __init__(
        self,
        *,
        sender: Sender,
        clock: Clock,
        wake: Callable[[], None],
        in_flight: int,
        begins: Callable[[EndpointQueue, Delivery], bool] = lambda _queue, _delivery: True,
    ) -> None:
        self._sender = sender
        self._clock = clock
        self._wake = wake
        self._begins = begins
        self._permits = Permits(in_flight)
        self._tasks: set[asyncio.Task[None]] = set()
        self._out: dict[Delivery, EndpointQueue] = {}
        self._begun: dict[int, Endpoint] = {}
        self._back: list[Sent] = []
        self._unsent: list[Unsent] = []

    @property
    def in_flight(self) -> int:
        """How many have not come back."""
        return len(self._tasks)

    def endpoints(self) -> Collection[Endpoint]:
        """Of each send that has begun and not come back, the endpoint as it was then."""
        return self._begun.values()

    def busy_with(self, partition: int) -> bool:
        """Whether anything of a partition has not come back, or was not collected yet."""
        return any(delivery.event.partition == partition for delivery in self._out)

    def under_way(self) -> Mapping[EndpointQueue, Sequence[Delivery]]:
        """All that has not come back, or was not collected yet."""
        found = defaultdict[EndpointQueue, list[Delivery]](list)
        for delivery, queue in self._out.items():
            found[queue].append(delivery)
        return found

    def permits(self) -> Permits:
        """What may be begun now."""
        self._permits.age(self._clock.monotonic())
        return self._permits

    def start(self, queue: EndpointQueue, delivery: Delivery) -> None:
        """Send it."""
        permit = self._permits.take(self._clock.monotonic(), slow=queue.hangs)
        task = asyncio.create_task(self._send(queue, delivery))
        self._tasks.add(task)
        self._out[delivery] = queue
        task.add_done_callback(lambda it: self._ended(it, permit))

    def _ended(self, task: asyncio.Task[None], permit: Permit) -> None:
        self._permits.give_back(permit)
        self._tasks.remove(task)

    def collect(self) -> list[Sent]:
        """Take what came back since the last time."""
        back, self._back = self._back, []
        for sent in back:
            del self._out[sent.delivery]
        return back

    def collect_unsent(self) -> list[Unsent]:
        """Take what was not begun since the last time."""
        unsent, self._unsent = self._unsent, []
        for it in unsent:
            del self._out[it.delivery]
        return unsent

    async def finish(self, within_s: float) -> None:
        """Wait for what is under way; what takes longer is cut off and will be sent again."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _send(self, queue: EndpointQueue, delivery: Delivery) -> None:
        if self._begins(queue, delivery):
            endpoint = self._begun[id(delivery)] = queue.endpoint
            started_ms = to_ms(self._clock.now())
            try:
                answer = await self._sender.send(
                    endpoint,
                    delivery.event,
                    delivery.attempts + 1,
                    late=delivery.late is not None,
                    replay=delivery.replay,
                )
            finally:
                self._begun.pop(id(delivery))
            self._back.append(Sent(delivery, queue, endpoint, answer, started_ms))
        else:
            self._unsent.append(Unsent(delivery, queue))
        self._wake()
