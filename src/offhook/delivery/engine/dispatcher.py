"""The deliver consumer: reads what it holds leases on, sends, decides, and writes in batches.

One task owns all state here. Sends run beside it and hand their answers back; one apply at a time
runs beside it too. All else happens in ``run_once``.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import inf

import structlog

from offhook.clock import Clock
from offhook.delivery.bounds.bounding import Bounding
from offhook.delivery.engine.applying import Applier
from offhook.delivery.engine.caution import CAREFUL_TAKEOVERS, PROBATION_S, Caution
from offhook.delivery.engine.detaching import Detacher
from offhook.delivery.engine.feeding import Feeding
from offhook.delivery.engine.filter_reporting import FilterReporter
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.outcome import LEFT_OUT, cancel
from offhook.delivery.engine.reporting import HealthReporter
from offhook.delivery.engine.sending import Sends
from offhook.delivery.engine.settling import OnSent, Settler
from offhook.delivery.entries import ApplyReport, Disabling
from offhook.delivery.health import describe_hopeless
from offhook.delivery.outgoing.sender import Sender
from offhook.delivery.ports import DeliveryStore
from offhook.delivery.queueing.queues import Delivery, EndpointQueue, Queues
from offhook.log.entries import Lease
from offhook.log.leasing import LEASE_S, LeaseHolder
from offhook.model.errors import Unavailable
from offhook.model.event import to_ms
from offhook.model.ids import WebhookId

_log = structlog.get_logger(__name__)

CONSUMER = "deliver"
_LINGER_S = 0.005
_RECORDS_LINGER_S = 0.25
_BATCH = 512
_PLACES_S = 1.0
_IDLE_S = 1.0
_AWAY_S = 0.2
_LAST_WRITE_S = 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the dispatcher may hold: ``queued`` deliveries in memory, ``in_flight`` sends,
    ``unapplied`` results that are not written yet (past it, nothing new is sent). What is in flight
    is waited for at most ``stop_s`` when the process stops, ``give_back_s`` when another one is to
    have the partition."""

    queued: int = 20_000
    in_flight: int = 512
    unapplied: int = 5_000
    lease_s: float = LEASE_S
    stop_s: float = 5.0
    give_back_s: float = 2.0


DEFAULT_BOUNDS = Bounds()


class Dispatcher:
    """Delivers the log's events to endpoints: at least once, in order per key, fairly."""

    name = "deliver"

    def __init__(
        self,
        *,
        store: DeliveryStore,
        filters: FilterReporter,
        sender: Sender,
        clock: Clock,
        rnd: random.Random,
        owner: str,
        wake: Callable[[], None],
        on_sent: OnSent = lambda _sent, _verdict: None,
        bounds: Bounds = DEFAULT_BOUNDS,
        attempts_kept_ms: int | None = None,
    ) -> None:
        self._store, self._clock, self._bounds, self._filters = store, clock, bounds, filters
        ttl_s, queues = bounds.lease_s, Queues()
        self._leases = LeaseHolder(
            store=store.leases, clock=clock, consumer=CONSUMER, owner=owner, ttl_s=ttl_s
        )
        self._bounding = Bounding(
            store=store.bounds, queues=queues, clock=clock, owner=owner, ttl_s=ttl_s
        )
        self._health = HealthReporter(store=store.health, clock=clock)
        self._feeding = Feeding(
            store=store,
            queues=queues,
            clock=clock,
            memory_bound=bounds.queued,
            attempts_kept_ms=attempts_kept_ms,
            on_gone=self._gone,
            on_left_out=self._left_out,
            on_fault=filters.note,
        )
        self._sends = Sends(
            sender=sender, clock=clock, wake=wake, in_flight=bounds.in_flight, begins=self._begins
        )
        self._settler = Settler(
            health=self._health,
            queues=queues,
            clock=clock,
            rnd=rnd,
            flow_of=self._flow_of,
            on_sent=on_sent,
        )
        self._queues, self._broken = queues, False
        self._detacher = Detacher(queues=queues, sends=self._sends, clock=clock)
        self._applier = Applier(store=store.dispatch, wake=wake)
        self._flows: dict[int, PartitionFlow] = {}
        self._applied_at = self._placed_at = -inf
        self._counted_version = self._feeding.subscriptions.version

    @property
    def in_flight(self) -> int:
        """Sends under way."""
        return self._sends.in_flight

    @property
    def circuits_open(self) -> int:
        """Endpoints that are left alone, or probed, because they failed lately."""
        return self._queues.circuits_open

    @property
    def left_out(self) -> int:
        """Endpoints that cannot be loaded as they are stored."""
        return len(self._feeding.subscriptions.left_out)

    @property
    def partitions(self) -> Collection[int]:
        """The partitions that this process reads."""
        return self._flows.keys()

    @property
    def replay_ranges(self) -> int:
        """Replays in progress, counted in each partition."""
        return sum(len(list(flow.replays)) for flow in self._flows.values())

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way and nothing waits to be sent at once or to be written."""
        return (
            not self._sends.in_flight
            and not self._applier.busy
            and not self._queues.pressing(self._clock.monotonic())
            and all(flow.clean for flow in self._flows.values())
        )

    async def run_once(self) -> float:
        """One step of everything; returns the seconds until the next is due without a wake-up."""
        await self._keep_leases()
        self._queues.tick(self._clock.monotonic())
        self._settle_sent()
        self._settle_unsent()
        self._take_report(self._applier.take())
        self._disable_hopeless()
        self._detacher.run(self._staying())
        try:
            more = await self._read_ahead()
        except Unavailable as error:
            # What is decided and what is queued stays as it is; nothing new is begun meanwhile.
            _log.warning("store_away", error=repr(error))
            self._start_apply()
            return _AWAY_S
        self._tell_configuration()
        await self._bounding.run(holds_all=len(self._staying()) == self._store.log.partitions)
        await self._give_back()
        self._start_sends()
        self._start_apply()
        self._health.start()
        self._filters.start()
        return 0.0 if more else self._wait_s()

    def recover(self) -> None:
        """Forget what is in memory; the leases are given back and taken anew."""
        self._broken = True

    def hasten(self) -> None:
        """Somebody came, went or gave a lease back: look at the leases in the next step."""
        self._leases.hasten()

    def asked(self) -> None:
        """Somebody asked for something to be done about a delivery: look in the next step."""
        self._feeding.asked()

    def replay_asked(self) -> None:
        """A replay was asked for or canceled: look in the next step."""
        self._feeding.replay_asked()

    async def stop(self) -> None:
        """Let what is in flight come back, write it, and give the leases back; with the store away,
        the next owner finds what was not written and does it again."""
        await self._sends.finish(self._bounds.stop_s)
        self._settle_sent()
        self._take_report(await self._applier.finish(_LAST_WRITE_S))
        self._start_apply(now=True)
        self._take_report(await self._applier.finish(_LAST_WRITE_S))
        await self._health.finish(_LAST_WRITE_S)
        await self._filters.finish(_LAST_WRITE_S)
        self._flows.clear()
        try:
            await self._bounding.finish()
            await self._leases.leave()
        except Exception as error:  # noqa: BLE001 - they run out by themselves
            _log.warning("leases_not_released", error=repr(error))

    async def _keep_leases(self) -> None:
        if self._broken:
            self._drop(list(self._flows))
            self._queues.restart(self._sends.under_way())
            await self._bounding.run(holds_all=False)
            if not self._bounding.registered:
                return
            await self._leases.release()
            self._broken = False
        elif self._leases.due_in_s() > 0:
            return
        try:
            change = await self._leases.beat()
        except Exception as error:  # noqa: BLE001 - what was decided waits until the store is back
            _log.warning("heartbeat_failed", error=repr(error))
            return
        self._drop(change.lost)
        if change.gained and not self._flows:
            self._bounding.begin_anew()
        for lease in change.gained:
            self._flows[lease.partition] = await self._take_over(lease)
        self._let_go(change.surplus)

    async def _take_over(self, lease: Lease) -> PartitionFlow:
        held = await self._store.dispatch.held(lease.partition)
        flow = PartitionFlow(
            lease,
            held=held,
            lane_counts=await self._store.dispatch.lane_counts(lease.partition),
            settled=await self._store.dispatch.settled_after(lease.partition, lease.cursor, held),
        )
        if lease.takeovers:
            self._queues.silence(self._clock.monotonic())
        if lease.takeovers >= CAREFUL_TAKEOVERS:
            suspect = await self._store.dispatch.suspected(lease.partition)
            flow.caution = Caution.after(lease.cursor, lease.takeovers, suspect)
            _log.warning("careful", partition=lease.partition, takeovers=lease.takeovers)
        return flow

    async def _read_ahead(self) -> bool:
        await self._recount()
        return await self._feeding.run(self._staying(), self._meanwhile)

    def _meanwhile(self) -> None:
        self._settle_sent()
        self._start_sends()

    async def _recount(self) -> None:
        """A change of an endpoint may open lanes without an apply, by canceling their rows."""
        version = self._feeding.subscriptions.version
        if version == self._counted_version or self._applier.busy:
            return
        for flow in self._flows.values():
            flow.recount(await self._store.dispatch.lane_counts(flow.partition))
        self._counted_version = version

    def _tell_configuration(self) -> None:
        """Say which configuration everything is sent by from now on, once nothing is under way that
        an older one signed."""
        subscriptions = self._feeding.subscriptions
        if all(subscriptions.signs_alike(endpoint) for endpoint in self._sends.endpoints()):
            self._leases.works_by(subscriptions.version)

    def _settle_sent(self) -> None:
        if not self._settler.settle(self._sends.collect()):
            self.recover()

    def _disable_hopeless(self) -> None:
        flow = next(iter(self._staying()), None)
        if flow is None:
            return
        for found in self._health.take_hopeless():
            why = describe_hopeless(found.seen)
            flow.changes.disable(Disabling(found.webhook, found.revision, why))
            self._settler.leave_alone(found.webhook)

    def _settle_unsent(self) -> None:
        """What was not begun goes back to where it was, if this process still has the partition."""
        for unsent in self._sends.collect_unsent():
            queue, delivery = unsent.queue, unsent.delivery
            flow = self._flow_of(delivery)
            if flow is None or flow.leaves_by_s is not None or queue.closed:
                queue.pass_on(delivery.lane)
                if flow is not None and queue.closed:
                    cancel(flow, delivery)
            else:
                queue.put_back(delivery)
            self._queues.stir(queue)

    def _flow_of(self, delivery: Delivery) -> PartitionFlow | None:
        flow = self._flows.get(delivery.event.partition)
        return flow if flow is not None and flow.lease.epoch == delivery.epoch else None

    def _staying(self) -> list[PartitionFlow]:
        return [flow for flow in self._flows.values() if flow.leaves_by_s is None]

    def _leaving(self) -> list[PartitionFlow]:
        return [flow for flow in self._flows.values() if flow.leaves_by_s is not None]

    def _let_go(self, partitions: Collection[int]) -> None:
        """Others are to have these: nothing more of them is read or begun."""
        flows = [self._flows[at] for at in partitions if at in self._flows]
        for flow in flows:
            if flow.leaves_by_s is None:
                flow.leaves_by_s = self._clock.monotonic() + self._bounds.give_back_s
        if flows:
            self._queues.keep(self._stays)

    async def _give_back(self) -> None:
        """Give back what is written, once nothing of it is in flight or it was waited for long
        enough; what is still in flight then is sent again by the next owner."""
        now_s = self._clock.monotonic()
        ready = [
            flow.partition
            for flow in self._leaving()
            if flow.written
            and (now_s >= (flow.leaves_by_s or 0) or not self._sends.busy_with(flow.partition))
        ]
        if not ready or not self._bounding.registered:
            return
        try:
            await self._leases.give_back(ready)
        except Exception as error:  # noqa: BLE001 - it is tried in the next step, or they run out
            _log.warning("leases_not_released", error=repr(error))
            return
        self._drop(ready)

    def _start_sends(self) -> None:
        now_s = self._clock.monotonic()
        if not self._leases.valid() or self._unapplied() > self._bounds.unapplied:
            return
        permits = self._sends.permits()
        while (turn := self._queues.next(now_s, permits)) is not None:
            self._sends.start(*turn)

    def _begins(self, queue: EndpointQueue, delivery: Delivery) -> bool:
        """Whether a send that was started may begin: the process may have slept since."""
        may = self._leases.valid() and self._flow_of(delivery) is not None
        if may and queue.begin(self._clock.monotonic()):
            return True
        queue.starts.cancel()
        return False

    def _start_apply(self, *, now: bool = False) -> None:
        monotonic_s = self._clock.monotonic()
        waited_s = monotonic_s - self._applied_at
        if self._applier.busy or not (
            now or waited_s >= self._linger_s() or self._unapplied() >= _BATCH or not self.in_flight
        ):
            return
        places = now or monotonic_s >= self._placed_at + _PLACES_S or bool(self._leaving())
        frozen = [flow.freeze(places=places) for flow in self._flows.values()]
        changes = [change for change in frozen if change is not None]
        if places:
            self._placed_at = monotonic_s
        if changes:
            self._applied_at = monotonic_s
            self._applier.start(changes)

    def _linger_s(self) -> float:
        """How long results gather: what may open a lane goes soon, what is only for the record can
        wait for more of its kind."""
        opening = any(flow.changes.opens for flow in self._flows.values())
        return _LINGER_S if opening else _RECORDS_LINGER_S

    def _take_report(self, report: ApplyReport | None) -> None:
        if report is None:
            return
        # A lease that was lost and taken anew since is not lost: the new flow applied nothing.
        lost = [p for p in report.lost if p in self._flows and self._flows[p].applying]
        now_ms, now_s = to_ms(self._clock.now()), self._clock.monotonic()
        for flow in self._flows.values():
            flow.applied(report, now_ms=now_ms, now_s=now_s)
        if lost:
            _log.warning("lease_lost", partitions=lost)
            self._drop(lost)
            self._leases.forget(lost)

    def _unapplied(self) -> int:
        return sum(len(flow.changes.attempts) for flow in self._flows.values())

    def _drop(self, partitions: Collection[int]) -> None:
        for partition in partitions:
            self._flows.pop(partition, None)
        if partitions:
            self._bounding.part()
            self._queues.keep(self._stays)

    def _stays(self, delivery: Delivery) -> bool:
        flow = self._flow_of(delivery)
        return flow is not None and flow.leaves_by_s is None

    def _left_out(self, queue: EndpointQueue) -> None:
        self._settler.put_back(queue, queue.drain(), LEFT_OUT)

    def _gone(self, webhook: WebhookId) -> None:
        self._health.forget(webhook)
        for flow in self._flows.values():
            flow.end_range(webhook)
        for delivery in self._queues.close(webhook):
            flow_of = self._flow_of(delivery)
            if flow_of is not None:
                cancel(flow_of, delivery)
        for flow in self._flows.values():
            flow.part_with(webhook)

    def _wait_s(self) -> float:
        monotonic_s = self._clock.monotonic()
        # Once memory was dropped, leases are looked at when the shares of bounds are known.
        leases_s = inf if self._broken else self._leases.due_in_s()
        wait_s = min(_IDLE_S, leases_s, self._bounding.due_in_s())
        wait_s = min(wait_s, self._queues.due_in_s(monotonic_s))
        wait_s = min(wait_s, self._feeding.due_in_s(self._staying()))
        if any(flow.caution is not None for flow in self._flows.values()):
            wait_s = min(wait_s, PROBATION_S)
        if not all(flow.clean for flow in self._flows.values()):
            lingers_s = self._applied_at + self._linger_s() - monotonic_s
            wait_s = min(wait_s, max(_LINGER_S, lingers_s))
        return wait_s
