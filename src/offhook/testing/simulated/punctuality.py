"""Who is well is served, however bad all others are: checked as virtual time goes by."""

import asyncio

from offhook.model.event import LogEvent, to_ms
from offhook.testing.simulated.clocks import TrueClock
from offhook.testing.simulated.subscriptions import Subscription
from offhook.testing.simulated.world import World

BOUND_S = 10.0
"""Within it something must begin for a healthy endpoint that has something to get."""

_CALM_S = 15.0
"""For so long after trouble with processes or the store, leases and shares may have to run out."""

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

    def _owed(self, subscription: Subscription) -> list[LogEvent]:
        ledger = self._world.ledger
        return [
            event
            for event in ledger.events.values()
            if (subscription.name, event.id) not in ledger.accepted_first
            and (subscription.name, event.id) not in ledger.parked
            and subscription.must_get(event)
        ]
