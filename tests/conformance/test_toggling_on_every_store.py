"""Endpoints that are disabled and enabled again at once, on every store."""

from collections.abc import Collection

import pytest

from offhook.delivery.entries import HeldRange
from offhook.log.leasing import LEASE_S
from offhook.model.ids import WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import heir_of
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.conformance.toggling import (
    LATER,
    TogglingConformance,
    lost,
    slow,
    toggle,
)
from offhook.testing.engine import Bench
from offhook.testing.network import Gate, ScriptedNetwork


class TestToggling(TogglingConformance):
    """Each guarantee."""


async def test_nothing_is_lost_between_a_new_owners_look_at_the_ranges_and_at_the_log(
    store: ConformingStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, webhook = await slow(store, clock)
    clock.advance(LEASE_S + 1)
    second = Bench(store, clock, ScriptedNetwork(Gate()), owner="second")
    settled_after = store.dispatch.settled_after

    async def toggled(
        partition: int, cursor: int, held: Collection[HeldRange]
    ) -> Collection[tuple[WebhookId, int]]:
        await toggle(store, webhook)
        return await settled_after(partition, cursor, held)

    with monkeypatch.context() as patch:
        patch.setattr(store.dispatch, "settled_after", toggled)
        await second.go_on(3)
    assert len(second.dispatcher.partitions) == store.log.partitions
    await second.post(*LATER)
    await second.go_on(3)
    heir = await heir_of(store, clock, ScriptedNetwork())
    await heir.pass_time(5)
    assert lost(heir) == []
