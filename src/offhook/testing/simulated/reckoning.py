"""What must be so in the end, when all troubles are over and everything had its time."""

import asyncio

from offhook.delivery.entries import Answer
from offhook.delivery.health import EndpointHealth
from offhook.delivery.replays.entries import ReplayScope, ReplayState
from offhook.delivery.schedule import Schedule
from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.testing.simulated.clients import Clients
from offhook.testing.simulated.ledger import Delivery, Sending
from offhook.testing.simulated.plan import LEASE_S, Kind
from offhook.testing.simulated.scaling import IDLE_DAY_S
from offhook.testing.simulated.subscriptions import Subscription
from offhook.testing.simulated.tidings import told_is_what_happened
from offhook.testing.simulated.world import DELIVER, World

_LONGEST_S = 600.0
_LONGEST_DAY_S = 100_000.0
_CLEAN_UP_S = LEASE_S + 2
_QUICK_PER_S = 1_000.0
_DIED = "the process died"
_INSPECTOR = "inspector"


class Reckoning:
    """Waits for everything to be delivered, and then looks at what is left."""

    def __init__(self, world: World, clients: Clients) -> None:
        self._world = world
        self._ledger = world.ledger
        self._clients = clients
        self._unsettled: list[tuple[Subscription, LogEvent]] = []
        self._known = 0
        self._made_up_for: list[Subscription] = []
        self._asked_at = 0

    async def wait(self) -> None:
        """Until nothing is left to be delivered; then, in some lives, until all that was given up
        or missed is delivered too."""
        day = self._world.plan.kind is Kind.DAY
        longest_s = _LONGEST_DAY_S if day else _LONGEST_S
        await self._until_drained(longest_s)
        if self._world.plan.made_up:
            self._asked_at = self._ledger.head
            for subscription in self._ledger.subscriptions.values():
                if subscription.enabled:
                    await self._world.replay(subscription, ReplayScope.UNDELIVERED, _QUICK_PER_S)
                    self._made_up_for.append(subscription)
            await self._until_drained(longest_s)

    async def _until_drained(self, longest_s: float) -> None:
        until_s, pause_s = self._world.loop.time() + longest_s, 0.5
        while self._world.loop.time() < until_s and not self._world.promises.broken:
            if await self._drained():
                # What was told of last is an event too, which goes to those who want it.
                day = self._world.plan.kind is Kind.DAY
                await asyncio.sleep(_CLEAN_UP_S + (IDLE_DAY_S if day else 0.0))
                if await self._drained():
                    break
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.05, 60.0)

    async def settle(self) -> None:
        """Stop everything, and say what is not as it should be."""
        for process in self._world.up:
            await self._world.stop(process)
        self._nothing_is_lost()
        self._all_is_made_up_for()
        self._records_are_what_the_network_saw()
        await self._health_is_right()
        await told_is_what_happened(self._world)
        await self._replays_are_over()
        await self._nothing_is_left()

    async def _drained(self) -> bool:
        return (
            not self._clients.waiting
            and not self._ledger.rows
            and not any(self._ledger.open.values())
            and not self._outstanding()
            and all(self._ledger.cursors[at] >= last for at, last in self._ends().items())
            and not await self._ranges()
            and not await self._unannounced()
            and not await self._world.ports.replays.open_replays([0])
        )

    async def _ranges(self) -> bool:
        dispatch = self._world.ports.dispatch
        return any([await dispatch.held(at) for at in range(self._world.plan.partitions)])

    async def _unannounced(self) -> bool:
        partitions = range(self._world.plan.partitions)
        return bool(await self._world.ports.announcements.announcements(partitions, 1))

    def _outstanding(self) -> int:
        """How many deliveries are owed still; once nobody posts any more and no owner changes
        anything, only what is appended meanwhile is to be added."""
        if len(self._ledger.events) > self._known:
            self._known = len(self._ledger.events)
            self._unsettled = self._owed()
        self._unsettled = [it for it in self._unsettled if self._missing(*it)]
        return len(self._unsettled)

    def _owed(self) -> list[tuple[Subscription, LogEvent]]:
        return [
            (subscription, event)
            for subscription in self._ledger.subscriptions.values()
            for event in self._ledger.events.values()
            if subscription.must_get(event)
        ]

    def _missing(self, subscription: Subscription, event: LogEvent) -> bool:
        delivery = subscription.name, event.id
        return delivery not in self._ledger.accepted_first and delivery not in self._ledger.parked

    def _nothing_is_lost(self) -> None:
        for unknown in self._clients.acknowledged - self._ledger.events.keys():
            self._world.promises.breaks(f"{unknown} was acknowledged and is not in the log")
        for subscription, event in self._owed():
            delivery = subscription.name, event.id
            if delivery in self._ledger.accepted_first:
                continue
            told = f"{subscription.name} {event.key}#{event.sequence}"
            if delivery not in self._ledger.parked or subscription in self._made_up_for:
                self._world.promises.breaks(f"{told} was never delivered")
            elif not self._may_be_given_up(delivery, subscription):
                why = self._ledger.parked[delivery]
                self._world.promises.breaks(f"{told} was given up without a reason: {why}")

    def _may_be_given_up(self, delivery: Delivery, subscription: Subscription) -> bool:
        if _DIED in self._ledger.parked[delivery]:
            return True
        return any(
            _gives_up(sending, sending.answer, schedule)
            for sending in self._ledger.sendings[delivery]
            if sending.answer is not None
            for schedule in subscription.schedules()
        )

    def _records_are_what_the_network_saw(self) -> None:
        for delivery, records in self._ledger.records.items():
            seen = [
                (it.number, it.answer.status)
                for it in self._ledger.sendings[delivery]
                if it.answer is not None
            ]
            for record in records:
                if (record.number, record.status) in seen:
                    seen.remove((record.number, record.status))
                else:
                    self._world.promises.breaks(f"{record} was never seen by the network")
        for sendings in self._ledger.sendings.values():
            for sending in sendings:
                self._is_recorded(sending)

    def _is_recorded(self, sending: Sending) -> None:
        """Of an owner that has its lease to the end, nothing is missing."""
        answer, holding = sending.answer, self._ledger.holdings[sending.event.partition]
        if answer is None or sending.epoch != holding.epoch:
            return
        records = self._ledger.records[sending.delivery]
        if (sending.number, answer.status) not in {(it.number, it.status) for it in records}:
            self._world.promises.breaks(f"{sending} was answered and is not recorded")

    def _all_is_made_up_for(self) -> None:
        """What an endpoint missed while it was disabled, too, was sent when that was asked for."""
        for subscription in self._made_up_for:
            for event in self._ledger.events.values():
                asked = event.position <= self._asked_at and subscription.would_get(event)
                if asked and self._missing(subscription, event):
                    told = f"{subscription.name} {event.key}#{event.sequence}"
                    self._world.promises.breaks(f"{told} was not made up for")

    async def _health_is_right(self) -> None:
        for name, subscription in self._ledger.subscriptions.items():
            stored = await self._world.store.webhooks.webhook(DEFAULT_ACCOUNT, subscription.webhook)
            ended = sorted(
                (
                    it
                    for delivery, sendings in self._ledger.sendings.items()
                    for it in sendings
                    if delivery[0] == name
                    and it.answer is not None
                    # What came back from where it stood before says nothing of where it stands.
                    and it.request.url == subscription.url
                ),
                key=lambda it: it.ended_s or 0.0,
            )
            heard = [it for it in ended if it.owned]
            if stored is None or not heard:
                continue
            last = heard[-1]
            failed = [it for it in ended if not it.told_accepted]
            # What a process heard just before it died, it noted nowhere, and what it slept or
            # waited over, late: of what several heard nobody can tell which was noted last.
            known = last.host.alive and all(
                it.host is last.host and (it.ended_s or 0.0) < (last.ended_s or 0.0)
                for it in failed
            )
            accepted = last.told_accepted
            if accepted and known and stored.health.failures and self._in_order(stored.health):
                self._world.promises.breaks(f"{name} took its last request: {stored.health}")

    def _in_order(self, health: EndpointHealth) -> bool:
        """Whether its last failure came last, also by clocks that nobody stepped in between."""
        off_ms = self._world.promises.clocks_off_s * 1000
        return (health.last_failure_ms or 0) - (health.last_success_ms or 0) >= off_ms

    async def _replays_are_over(self) -> None:
        """Each took on so many, of which each was accepted or given up."""
        for replay in self._ledger.replays:
            view = await self._world.ports.replays.replay(DEFAULT_ACCOUNT, replay)
            if view is None or view.state is ReplayState.CANCELED:
                continue
            accepted = self._ledger.accepted_by[replay]
            over = view.state is ReplayState.COMPLETED and not view.counts.waiting
            if not over or view.counts.accepted != accepted:
                self._world.promises.breaks(f"{replay}, with {accepted} accepted, is {view}")

    async def _nothing_is_left(self) -> None:
        ports, partitions = self._world.ports, range(self._world.plan.partitions)
        await asyncio.sleep(LEASE_S + 1)
        left: dict[str, object] = {
            "closed lanes": [await ports.dispatch.lane_counts(at) for at in partitions],
            "rows due": (await ports.dispatch.due(partitions, 10, ())).items,
            "ranges": [await ports.dispatch.held(at) for at in partitions],
            "requests": await ports.dispatch.requests(partitions, 10),
            "shares": not await ports.bounds.alone(_INSPECTOR),
            "timers due": await ports.timers.due_timers([0], 10),
            "unread": await self._unread(),
        }
        for what, found in left.items():
            if any(found) if isinstance(found, list) else found:
                self._world.promises.breaks(f"left behind: {what}: {found}")

    async def _unread(self) -> list[int]:
        """Partitions whose cursor does not stand behind the last event."""
        share = await self._world.ports.leases.acquire(DELIVER, _INSPECTOR, LEASE_S)
        ends = self._ends()
        return [it.partition for it in share.taken if it.cursor < ends[it.partition]]

    def _ends(self) -> dict[int, int]:
        """The last event's position in each partition."""
        ends = dict.fromkeys(range(self._world.plan.partitions), 0)
        for event in self._ledger.events.values():
            ends[event.partition] = max(ends[event.partition], event.position)
        return ends


def _gives_up(sending: Sending, answer: Answer, schedule: Schedule) -> bool:
    """Whether a delivery may be over after this answer."""
    if not schedule.retryable(answer):
        return True
    if schedule.until_s is None:
        return sending.number > len(schedule.delays_s)
    waited_s = (sending.ended_s or 0.0) - _since_s(sending)
    return waited_s >= schedule.until_s - 5


def _since_s(sending: Sending) -> float:
    return sending.event.created_ms / 1000
