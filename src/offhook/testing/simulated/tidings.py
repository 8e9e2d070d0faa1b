"""What the log tells of endpoints and deliveries is what happened, once each."""

from collections import Counter

import msgspec

from offhook.delivery.announcing import (
    DISABLED,
    EXHAUSTED,
    FAILING,
    RECOVERED,
    about_delivery,
)
from offhook.delivery.health import FAILING_AFTER, UNTRIED
from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, EventId
from offhook.testing.simulated.subscriptions import Subscription
from offhook.testing.simulated.world import World


class _Told(msgspec.Struct):
    webhook_id: str
    event_id: EventId | None = None

    @property
    def endpoint(self) -> str:
        return self.webhook_id.removeprefix("wh_")


async def told_is_what_happened(world: World) -> None:
    """Once all was delivered and told."""
    _each_given_up_is_told_once(world)
    _each_disabled_is_told_once(world)
    for subscription in world.ledger.subscriptions.values():
        if subscription.always_enabled:
            await _turns_alternate(world, subscription)


def _each_given_up_is_told_once(world: World) -> None:
    ledger = world.ledger
    told = Counter((it.endpoint, it.event_id) for it in _told(world, EXHAUSTED))
    happened = Counter(
        {
            delivery: count
            for delivery, count in ledger.failed.items()
            if not about_delivery(ledger.events[delivery[1]].type)
        }
    )
    for endpoint, event_id in told.keys() | happened.keys():
        times, tells = happened[endpoint, EventId(event_id or "")], told[endpoint, event_id]
        if times != tells:
            world.promises.breaks(
                f"{endpoint} {event_id} was given up {times} times, and told of {tells} times"
            )


def _each_disabled_is_told_once(world: World) -> None:
    told = Counter(it.endpoint for it in _told(world, DISABLED))
    if told != world.ledger.disabled_by_us:
        world.promises.breaks(f"disabled: {world.ledger.disabled_by_us}, told of: {told}")


async def _turns_alternate(world: World, subscription: Subscription) -> None:
    """That it fails, that it recovered, that it fails, ..., and the last is how it stands; where it
    was not tried since it moved, how it stood before."""
    turns = [
        event.type
        for event in _in_order(world)
        if event.type in {FAILING, RECOVERED} and _read(event).endpoint == subscription.name
    ]
    expected = [(FAILING, RECOVERED)[at % 2] for at in range(len(turns))]
    stored = await world.store.webhooks.webhook(DEFAULT_ACCOUNT, subscription.webhook)
    health = UNTRIED if stored is None else stored.health
    if turns[-1:] == [FAILING]:
        right = health.failures > 0 or (subscription.moved and health == UNTRIED)
    else:
        right = health.failures < FAILING_AFTER
    if turns != expected or not right:
        world.promises.breaks(f"of {subscription.name} was told: {turns}; it is {health}")


def _told(world: World, type_: str) -> list[_Told]:
    return [_read(event) for event in _in_order(world) if event.type == type_]


def _in_order(world: World) -> list[LogEvent]:
    return sorted(world.ledger.events.values(), key=lambda it: it.position)


def _read(event: LogEvent) -> _Told:
    return msgspec.json.decode(event.data, type=_Told)
