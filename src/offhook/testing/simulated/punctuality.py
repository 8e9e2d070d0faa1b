"""Who is well is served, however bad all others are: checked as virtual time goes by."""

import asyncio
from math import inf

from offhook.delivery.queueing.circuit import LONGEST_PAUSE_S, OPEN_AFTER_S
from offhook.delivery.schedule import Schedule
from offhook.model.event import LogEvent, to_ms
from offhook.testing.simulated.clocks import TrueClock
from offhook.testing.simulated.moods import Mood
from offhook.testing.simulated.plan import Kind
from offhook.testing.simulated.scaling import IDLE_DAY_S
from offhook.testing.simulated.subscriptions import Subscription
from offhook.testing.simulated.world import World

BOUND_S = 10.0
"""Within it something must begin for a healthy endpoint that has something to get."""

_CALM_S = 15.0
"""For so long after trouble with processes or the store, leases and shares may have to run out."""

_LATE_S = 10.0
"""Within it after all else allows it, something is tried."""

_QUICKENS_S = 20.0
"""Within it an endpoint that asked for patience is sent to as fast as it may be."""

_NOTICED_S = 3.0
"""After so long it is known that a lane is past ``max_hold_s``."""

_EVERY_S = 2.0


class Punctuality:
    """Looks again and again for endpoints that starve."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = TrueClock(world.loop.time)
        # In lives of a day leases last long, and whoever is idle looks again after minutes.
        self._calm_s = max(_CALM_S, world.plan.bounds.lease_s + _LATE_S)
        self._late_s = _LATE_S if world.plan.kind is not Kind.DAY else IDLE_DAY_S + _LATE_S

    async def watch(self) -> None:
        """Until the world ends."""
        while not self._world.promises.broken:
            await asyncio.sleep(_EVERY_S)
            if self._calm():
                for subscription in self._world.ledger.subscriptions.values():
                    self._look_at(subscription)
                    self._look_at_what_is_held(subscription)
                    self._look_at_what_is_late(subscription)

    def _calm(self) -> bool:
        world = self._world
        quiet = world.loop.time() > world.disturbed_s + self._calm_s
        up = world.up
        return quiet and bool(up) and all(it.line.sound and not it.host.asleep for it in up)

    def _look_at(self, subscription: Subscription) -> None:
        world, name = self._world, subscription.name
        if name in world.receivers.ever_ill or not subscription.always_enabled:
            return
        began_s = world.ledger.began_s[name]
        if world.ledger.open[name] or (began_s and began_s[-1] > world.loop.time() - BOUND_S):
            return
        before_ms = to_ms(self._clock.now()) - round(BOUND_S * 1000)
        starved = next((it for it in self._owed(subscription) if it.created_ms < before_ms), None)
        if starved is not None:
            world.promises.breaks(f"{name} starves: {starved.key}#{starved.sequence} is not sent")

    def _look_at_what_is_held(self, subscription: Subscription) -> None:
        """What waits behind an event that is refused alone is tried once ``max_hold_s`` is over and
        the endpoint has accepted something since: late, but tried."""
        world, name = self._world, subscription.name
        refused = {key for of, key in world.receivers.refused_keys if of == name}
        if not refused or not subscription.always_ordered or not self._well(subscription):
            return
        before_ms = to_ms(self._clock.now()) - round(self._late_s * 1000)
        for key in refused:
            lane = [it for it in self._owed(subscription) if it.key == key]
            unsent = [it for it in lane if not world.ledger.sendings[name, it.id]]
            old = next((it for it in unsent if it.created_ms < before_ms), None)
            if old is not None and self._had_to_open(subscription, lane[0]):
                world.promises.breaks(f"{name} {key}#{old.sequence} is held for too long")

    def _had_to_open(self, subscription: Subscription, head: LogEvent) -> bool:
        """Whether the lane behind this event is past ``max_hold_s``, its owner heard something be
        accepted since, and after that again: its circuit was closed, and nothing in the way."""
        world, name, document = self._world, subscription.name, subscription.document
        failed_s = next(
            (it.ended_s for it in world.ledger.sendings[name, head.id] if it.owned), None
        )
        if document is None or failed_s is None:
            return False
        owner = world.ledger.holdings[head.partition].owner
        accepted_s = world.ledger.heard_accepted_s[owner, name]
        proven_s = min((it for it in accepted_s if it > failed_s), default=inf)
        held_s = max(failed_s, world.disturbed_s + self._calm_s)
        opens_s = max(held_s + document.max_hold_s, proven_s)
        opens_s = max(opens_s, world.receivers.changed_s.get(name, 0.0)) + _NOTICED_S
        now_s = world.loop.time()
        return any(
            max(opens_s, now_s - OPEN_AFTER_S) < at_s < now_s - self._late_s for at_s in accepted_s
        )

    def _look_at_what_is_late(self, subscription: Subscription) -> None:
        """An endpoint that is well again has all that it is owed within its longest delay, and the
        longest pause of a circuit, from then on."""
        world, name = self._world, subscription.name
        if not self._well(subscription) or any(
            of == name for of, _ in world.receivers.refused_keys
        ):
            return
        delay_s = max(map(_longest_s, subscription.schedules()))
        within_s = delay_s + LONGEST_PAUSE_S + _QUICKENS_S + self._late_s
        now_s = world.loop.time()
        if now_s < max(world.receivers.changed_s.get(name, 0.0), world.disturbed_s) + within_s:
            return
        before_ms = to_ms(self._clock.now()) - round(within_s * 1000)
        late = next((it for it in self._owed(subscription) if it.created_ms < before_ms), None)
        if late is not None:
            world.promises.breaks(f"{name} is well, and still waits for {late.key}#{late.sequence}")

    def _well(self, subscription: Subscription) -> bool:
        """Whether it takes what it wants, as much of it as there is."""
        world, document = self._world, subscription.document
        return (
            document is not None
            and subscription.always_enabled
            and world.receivers.mood(subscription.name) is Mood.FINE
            and all(it.rate_limit_per_s is None for it in subscription.documents)
        )

    def _owed(self, subscription: Subscription) -> list[LogEvent]:
        ledger = self._world.ledger
        return [
            event
            for event in ledger.events.values()
            if (subscription.name, event.id) not in ledger.accepted_first
            and (subscription.name, event.id) not in ledger.parked
            and subscription.must_get(event)
        ]


def _longest_s(schedule: Schedule) -> float:
    return max(schedule.delays_s, default=0.0) * (1 + schedule.jitter)
