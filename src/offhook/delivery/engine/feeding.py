"""What feeds the queues: all sources of deliveries, in the order of a step."""

from collections.abc import Callable, Collection, Sequence

from offhook.clock import Clock
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.probing import Prober
from offhook.delivery.engine.reader import LogReader
from offhook.delivery.engine.releasing import Releaser
from offhook.delivery.engine.retries import Retrier
from offhook.delivery.engine.router import Router
from offhook.delivery.ports import DeliveryStore
from offhook.delivery.queueing.queues import EndpointQueue, Queues
from offhook.delivery.replays.replayer import Replayer
from offhook.delivery.subscriptions import OnFault, Subscriptions
from offhook.model.ids import WebhookId

_SOONEST_S = 0.001


class Feeding:
    """Deliveries come from the log, live and in ranges; from rows that fall due or that somebody
    asks for; from replays; and as probes. All sources know endpoints by the same subscriptions.

    ``on_gone`` and ``on_left_out`` are told of endpoints as ``LogReader`` does, ``on_fault`` of
    events that one cannot be matched with.
    """

    def __init__(
        self,
        *,
        store: DeliveryStore,
        queues: Queues,
        clock: Clock,
        memory_bound: int,
        attempts_kept_ms: int | None,
        on_gone: Callable[[WebhookId], None],
        on_left_out: Callable[[EndpointQueue], None],
        on_fault: OnFault,
    ) -> None:
        log, rows = store.log, store.dispatch
        self._queues = queues
        self._router = Router(store=rows, queues=queues, memory_bound=memory_bound)
        self._reader = LogReader(
            log=log,
            store=rows,
            router=self._router,
            queues=queues,
            clock=clock,
            on_gone=on_gone,
            on_left_out=on_left_out,
            on_fault=on_fault,
        )
        self._retrier = Retrier(store=rows, queues=queues, clock=clock)
        self._prober = Prober(log=log, store=rows, router=self._router, queues=queues, clock=clock)
        self._releaser = Releaser(store=rows, clock=clock)
        self._replayer = Replayer(
            log=log,
            store=rows,
            source=store.replays,
            queues=queues,
            clock=clock,
            attempts_kept_ms=attempts_kept_ms,
        )

    @property
    def subscriptions(self) -> Subscriptions:
        """Who gets what, as of the last look."""
        return self._reader.subscriptions

    def asked(self) -> None:
        """Somebody asked for something to be done about a delivery: look in the next step."""
        self._retrier.hasten()

    def replay_asked(self) -> None:
        """A replay was asked for or canceled: look in the next step."""
        self._replayer.hasten()

    def due_in_s(self, flows: Collection[PartitionFlow]) -> float:
        """Seconds until there is something to do that nothing else wakes for."""
        due_s = (
            self._retrier.due_in_s(flows),
            self._replayer.due_in_s(),
            self._prober.due_in_s(),
        )
        return max(_SOONEST_S, min(due_s))

    async def run(self, flows: Sequence[PartitionFlow], meanwhile: Callable[[], None]) -> bool:
        """Feed the queues from these partitions; returns whether there may be more at once. Each
        slice is taken in whole or, where the store raises, not at all. ``meanwhile`` is called
        between partitions: a step that asks the store much must not leave endpoints idle."""
        self._router.queued = self._queues.size()
        more = False
        if all(flow.caution is not None for flow in flows):
            await self._reader.follow()
        for flow in flows:
            more |= await self._reader.live(flow)
            more |= await self._reader.ranges(flow)
            meanwhile()
        await self._retrier.run(flows, self.subscriptions)
        more |= await self._prober.run(flows, self.subscriptions)
        await self._releaser.run(flows, self.subscriptions)
        await self._replayer.run(flows, self.subscriptions)
        return more
