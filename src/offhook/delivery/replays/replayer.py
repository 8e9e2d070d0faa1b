"""Replaying: a few deliveries at a time are read and queued beside live ones."""

from collections.abc import Collection, Sequence
from math import inf
from typing import assert_never

from offhook.clock import Clock
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.retries import hurry, look_again_s
from offhook.delivery.entries import DuePending, Lane, lane_name
from offhook.delivery.ports import DispatchStore
from offhook.delivery.queueing.progress import LivePath
from offhook.delivery.queueing.queues import Delivery, EndpointQueue, Queues
from offhook.delivery.replays.entries import ReplayScope
from offhook.delivery.replays.pace import Pace, Paces
from offhook.delivery.replays.ports import ReplaySource
from offhook.delivery.replays.ranges import RunningReplay
from offhook.delivery.replays.steps import Standing, Step, may_concern, of_type, step_for
from offhook.delivery.subscriptions import Subscriptions, began_before
from offhook.log.ports import LogStore
from offhook.model.event import LogEvent, to_ms

WAITING_BOUND = 8
"""How many deliveries of replays wait in an endpoint's queue at a time."""

_LOOK_S = 1.0
_LOOK_IDLE_S = 5.0
_ROWS = 256
_EVENTS = 200
_BYTES = 1 << 20
_A_STEP = 8
_SOONEST_S = 0.05
_ANY_AGE_MS = 1 << 50
_REST = 2.0
"""For each second of reading what is not to be sent, so many are left to others."""


class Replayer:
    """Feeds the queues from the replays of the partitions that this process holds."""

    def __init__(
        self,
        *,
        log: LogStore,
        store: DispatchStore,
        source: ReplaySource,
        queues: Queues,
        clock: Clock,
        attempts_kept_ms: int | None,
    ) -> None:
        self._attempts_kept_ms = attempts_kept_ms
        self._log = log
        self._store = store
        self._source = source
        self._queues = queues
        self._clock = clock
        self._paces = Paces()
        self._turn = 0
        self._look_at_s = -inf
        self._scan_at_s = -inf
        self._due_s = inf

    def hasten(self) -> None:
        """A replay was asked for or canceled: look in the next step."""
        self._look_at_s = -inf

    def due_in_s(self) -> float:
        """Seconds until there is something to do that nothing else wakes for."""
        return max(0.0, min(self._look_at_s, self._due_s) - self._clock.monotonic())

    async def run(self, flows: Collection[PartitionFlow], subscriptions: Subscriptions) -> None:
        """Look which replays there are, if it is time to, and go on with some of them in turn."""
        flows = [flow for flow in flows if flow.caution is None]
        now_s = self._clock.monotonic()
        if flows and (now_s >= self._look_at_s or not all(it.replays.looked for it in flows)):
            await self._look(flows, now_s)
        elif not flows:
            # A partition that is gained is looked at whenever that is.
            self._look_at_s = now_s + _LOOK_IDLE_S
        self._due_s = inf
        turns = [(flow, running) for flow in flows for running in flow.replays.reading()]
        for step in range(min(len(turns), _A_STEP)):
            flow, running = turns[(self._turn + step) % len(turns)]
            await self._go_on(flow, running, subscriptions)
        self._turn += _A_STEP
        if len(turns) > _A_STEP:
            self._due_s = min(self._due_s, now_s)

    async def _look(self, flows: Collection[PartitionFlow], now_s: float) -> None:
        stored = await self._source.open_replays([flow.partition for flow in flows])
        for flow in flows:
            flow.replays.sync([row for row in stored if row.partition == flow.partition])
            for running in flow.replays:
                if running.canceled:
                    self._drop(flow, running)
        self._paces.keep({row.job.id for row in stored})
        self._look_at_s = now_s + (_LOOK_S if stored else _LOOK_IDLE_S)

    def _drop(self, flow: PartitionFlow, running: RunningReplay) -> None:
        """What waits in memory for a replay that was canceled is not sent."""
        queue = self._queues.find(running.job.webhook)
        if queue is None:
            return
        for delivery in queue.remove(
            lambda it: it.replay == running.job.id and it.event.partition == flow.partition
        ):
            flow.let_go(delivery)
        self._queues.stir(queue)

    async def _go_on(
        self, flow: PartitionFlow, running: RunningReplay, subscriptions: Subscriptions
    ) -> None:
        endpoint = subscriptions.endpoints.get(running.job.webhook)
        if endpoint is None or running.canceled:
            return
        queue = self._queues.of(endpoint)
        await self._retry(flow, running, queue, self._room(flow, running, queue))
        if flow.replays.is_reading(running) and queue.room_to_replay > 0:
            if not running.found:
                await self._scan(flow, running, subscriptions)
            await self._look_closer(flow, running, queue, self._room(flow, running, queue))

    def _room(self, flow: PartitionFlow, running: RunningReplay, queue: EndpointQueue) -> int:
        """How many may be queued now; where it is the rate that allows none, it is looked at again
        in time."""
        pace, now_s = self._pace(flow, running), self._clock.monotonic()
        allowed = pace.allowed(now_s)
        if not allowed:
            self._due_s = min(self._due_s, pace.next_s)
        return min(WAITING_BOUND - queue.replays, queue.room_to_replay, allowed)

    def _pace(self, flow: PartitionFlow, running: RunningReplay) -> Pace:
        now_s = self._clock.monotonic()
        return self._paces.of(running.job, running.ranges, flow.partition, now_s)

    async def _retry(
        self, flow: PartitionFlow, running: RunningReplay, queue: EndpointQueue, room: int
    ) -> None:
        """Queue rows that wait for the replay and are due, or whenever they are where nothing else
        can probe: each in its turn, else one that is refused for ever would be all that does."""
        now_s = self._clock.monotonic()
        if running.kept and now_s >= running.due_s and room > 0:
            webhook, unwritten = running.job.webhook, running.unwritten
            busy = [position for owner, position in flow.busy if owner == webhook]
            early = queue.circuit.idle
            if early:
                busy.extend(running.tried)
            found = await self._source.waiting_for_replay(
                flow.partition, running.job.id, room, busy, early=early
            )
            if not found.items:
                running.tried.clear()
            running.kept = found.left or unwritten
            running.due_s = now_s + look_again_s(found.next_due_ms, to_ms(self._clock.now()))
            for item in found.items:
                self._take(flow, running, queue, item)
        if running.kept:
            self._due_s = min(self._due_s, max(running.due_s, now_s + _SOONEST_S))

    def _take(
        self, flow: PartitionFlow, running: RunningReplay, queue: EndpointQueue, item: DuePending
    ) -> None:
        row = item.row
        # Earlier ones of its lane may have no row in the store yet.
        early = row.position > running.progress.read_to
        if not early and not flow.overtakes(row.own_lane, row.position):
            delivery = Delivery.of_row(row, item.event, epoch=flow.lease.epoch)
            if queue.circuit.idle:
                running.tried.add(row.position)
                delivery.probe = (row.due_ms or 0) > to_ms(self._clock.now())
            self._offer(flow, queue, delivery)
            self._pace(flow, running).spend()

    async def _look_closer(
        self, flow: PartitionFlow, running: RunningReplay, queue: EndpointQueue, room: int
    ) -> None:
        """Decide about the next few that were found."""
        now_s = self._clock.monotonic()
        taken = [position for position, _ in zip(running.found, range(room), strict=False)]
        if taken and now_s >= running.again_s:
            await self._follow(flow, running, queue, taken)
        if now_s < running.again_s:
            self._due_s = min(self._due_s, running.again_s)
        if not running.read and not running.found:
            self._due_s = min(self._due_s, max(self._scan_at_s, self._clock.monotonic()))

    async def _scan(
        self, flow: PartitionFlow, running: RunningReplay, subscriptions: Subscriptions
    ) -> None:
        """Find the next positions that may be to be sent, in a slice of what is left. Slices that
        bring nothing leave most of the time to others."""
        began_s = self._clock.monotonic()
        if began_s < self._scan_at_s:
            return
        if running.job.scope is ReplayScope.FAILED:
            await self._scan_rows(flow, running)
        else:
            await self._scan_log(flow, running, subscriptions)
        ended_s = self._clock.monotonic()
        self._scan_at_s = ended_s + _REST * (ended_s - began_s)

    async def _scan_rows(self, flow: PartitionFlow, running: RunningReplay) -> None:
        job, end = running.job, running.to_position
        marks = await self._source.row_marks(
            job.webhook, flow.partition, running.scanned_to, end, _ROWS
        )
        through = marks[-1].position if len(marks) == _ROWS else end
        running.scanned([it.position for it in marks if may_concern(job, it)], through)

    async def _scan_log(
        self, flow: PartitionFlow, running: RunningReplay, subscriptions: Subscriptions
    ) -> None:
        """Rows stand also for events that are past their retention."""
        job, after = running.job, running.scanned_to
        found = await self._log.read(flow.partition, after, _EVENTS, _BYTES)
        full = bool(found.events) and found.read_to < running.to_position
        through = found.read_to if full else running.to_position
        marks = await self._source.row_marks(job.webhook, flow.partition, after, through, _ROWS)
        if len(marks) == _ROWS:
            through = marks[-1].position
        rowed = {mark.position for mark in marks}
        missed = [
            event.position
            for event in found.events
            if event.position <= through
            and event.position not in rowed
            and of_type(job, event.type)
            and subscriptions.suits(job.webhook, event)
        ]
        if job.scope is ReplayScope.UNDELIVERED and missed:
            accepted = await self._source.accepted_among(job.webhook, flow.partition, missed)
            missed = [position for position in missed if position not in accepted]
        concerned = [mark.position for mark in marks if may_concern(job, mark)]
        running.scanned(sorted([*missed, *concerned]), through)

    async def _closed(
        self, flow: PartitionFlow, running: RunningReplay, standings: Collection[Standing]
    ) -> set[Lane]:
        """Those of the replay's own lanes that are closed."""
        job = running.job
        if not running.kept or not standings:
            return set()
        lanes = {Lane(job.webhook, lane_name(it.event.key, job.id)) for it in standings}
        return await self._store.closed_lanes(flow.partition, lanes)

    async def _follow(
        self,
        flow: PartitionFlow,
        running: RunningReplay,
        queue: EndpointQueue,
        positions: Sequence[int],
    ) -> None:
        """Do what is to be done with each, up to the first whose outcome is still to come."""
        job = running.job
        standings = await self._source.standings(job.webhook, flow.partition, positions, job.id)
        closed = await self._closed(flow, running, standings.values())
        for position in positions:
            standing = standings.get(position)
            if standing is not None:
                step = self._step(flow, running, queue, standing)
                match step:
                    case Step.SEND:
                        self._send(flow, running, queue, standing.event, closed)
                    case Step.HURRY:
                        self._hurry(flow, running, standing)
                    case Step.WAIT:
                        running.again_s = self._clock.monotonic() + _SOONEST_S
                        return
                    case Step.PASS:
                        pass
                    case _:
                        assert_never(step)
            running.looked_at(position)

    def _step(
        self, flow: PartitionFlow, running: RunningReplay, queue: EndpointQueue, standing: Standing
    ) -> Step:
        job, event = running.job, standing.event
        live = flow.live_path(job.webhook, event.position)
        if live is LivePath.AHEAD and not began_before(event, queue.endpoint):
            live = LivePath.PASSED
        recorded_ms = to_ms(self._clock.now()) - (self._attempts_kept_ms or _ANY_AGE_MS)
        return step_for(job, standing, live, recorded_ms=recorded_ms)

    def _hurry(self, flow: PartitionFlow, running: RunningReplay, standing: Standing) -> None:
        if standing.row is not None:
            hurry(flow, standing.row, to_ms(self._clock.now()))
            running.hurried()
            self._pace(flow, running).spend()

    def _send(
        self,
        flow: PartitionFlow,
        running: RunningReplay,
        queue: EndpointQueue,
        event: LogEvent,
        closed: set[Lane],
    ) -> None:
        delivery = Delivery(
            running.job.webhook,
            event,
            epoch=flow.lease.epoch,
            reader=running.progress,
            since_ms=to_ms(self._clock.now()),
            replay=running.job.id,
        )
        self._pace(flow, running).spend()
        lane = Lane(delivery.webhook, delivery.lane)
        if queue.endpoint.ordered and (lane in closed or flow.closing(lane)):
            flow.wait_behind(delivery)
        else:
            self._offer(flow, queue, delivery)

    def _offer(self, flow: PartitionFlow, queue: EndpointQueue, delivery: Delivery) -> None:
        flow.begin(delivery)
        queue.offer(delivery)
        self._queues.stir(queue)
