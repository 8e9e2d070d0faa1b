"""Who is well is served, however bad all others are: checked as virtual time goes by."""

import asyncio

from offhook.model.event import LogEvent, to_ms
from offhook.testing.simulated.clocks import TrueClock
from offhook.testing.simulated.moods import Mood
from offhook.testing.simulated.subscriptions import Subscription
from offhook.testing.simulated.world import World

BOUND_S = 10.0
"""Within it something must begin for a healthy endpoint that has something to get."""

_CALM_S = 15.0
"""For so long after trouble with processes or the store, leases and shares may have to run out."""

_LATE_S = 10.0
"""Within it after ``max_hold_s`` a lane is let go, and what waited in it tried."""

_EVERY_S = 2.0


class Punctuality:
    """Looks again and again for endpoints that starve."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = TrueClock(world.loop.time)

    async def watch(self) -> None:
        """Until the world ends."""
        while not self._world.promises.broken:
            await asyncio.sleep(_EVERY_S)
            if self._calm():
                for subscription in self._world.ledger.subscriptions.values():
                    self._look_at(subscription)
                    self._look_at_what_is_held(subscription)

    def _calm(self) -> bool:
        world = self._world
        quiet = world.loop.time() > world.disturbed_s + _CALM_S
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
        """What waits behind an event that is refused alone is tried once max_hold_s is over and the
        endpoint has accepted something since: late, but tried."""
        world, name, document = self._world, subscription.name, subscription.document
        if document is None or not subscription.always_enabled:
            return
        now_s, within_s = world.loop.time(), document.max_hold_s + _LATE_S
        refused = {key for of, key in world.receivers.refused_keys if of == name}
        well = world.receivers.mood(name) is Mood.FINE
        long = now_s > max(world.receivers.changed_s.get(name, 0.0), world.disturbed_s) + within_s
        if not (refused and well and long):
            return
        owed = self._owed(subscription)
        before_ms = to_ms(self._clock.now()) - round(within_s * 1000)
        if any(it.key not in refused for it in owed) or not self._accepted_lately(name):
            return
        for event in owed:
            if event.created_ms < before_ms and not world.ledger.sendings[name, event.id]:
                world.promises.breaks(f"{name} {event.key}#{event.sequence} is held for too long")
                return

    def _accepted_lately(self, name: str) -> bool:
        """Whether it accepted something since whatever failed before may be let go."""
        lately_s = self._world.loop.time() - _LATE_S / 2
        return any(
            accepted_s > lately_s - _LATE_S / 2 and accepted_s < lately_s
            for (endpoint, _), accepted_s in self._world.ledger.accepted_first.items()
            if endpoint == name
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
