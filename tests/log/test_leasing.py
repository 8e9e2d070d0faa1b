"""Leases as one owner sees them: held, lost, and trusted only while its own clock allows."""

from collections.abc import AsyncIterator, Sequence

import pytest

from offhook.log.entries import Lease, LeaseShare
from offhook.log.leasing import LeaseHolder
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.store.sqlite.leases import SqliteLeases
from offhook.testing.clock import FakeClock

TTL_S = 9.0


class Leases(SqliteLeases):
    """Real leases, of a store that may be away."""

    away = False

    async def acquire(
        self, consumer: str, owner: str, ttl_s: float, config_version: int | None = None
    ) -> LeaseShare:
        if self.away:
            raise OSError("the disk is full")
        return await super().acquire(consumer, owner, ttl_s, config_version)

    async def release(self, leases: Sequence[Lease]) -> None:
        if self.away:
            raise OSError("the disk is full")
        await super().release(leases)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(clock: FakeClock) -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(None, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
def leases(store: SqliteStore) -> Leases:
    return Leases(store._database)


def holder(leases: Leases, clock: FakeClock, owner: str = "me") -> LeaseHolder:
    return LeaseHolder(store=leases, clock=clock, consumer="deliver", owner=owner, ttl_s=TTL_S)


async def test_a_free_lease_is_taken_and_kept_by_heartbeats(
    leases: Leases, clock: FakeClock
) -> None:
    mine, other = holder(leases, clock), holder(leases, clock, "other")
    assert not mine.valid()
    assert [lease.partition for lease in (await mine.beat()).gained] == [0]
    for _ in range(10):
        clock.advance(TTL_S / 3)
        kept = await mine.beat()
        assert (kept.gained, kept.lost) == ((), ())
        assert (await other.beat()).gained == ()


async def test_heartbeats_are_a_third_of_the_lease_apart(leases: Leases, clock: FakeClock) -> None:
    mine = holder(leases, clock)
    assert mine.due_in_s() == 0
    await mine.beat()
    assert mine.due_in_s() == TTL_S / 3
    clock.advance(TTL_S)
    assert mine.due_in_s() == 0


async def test_a_lease_is_trusted_from_before_its_renewal_until_its_time_is_over(
    leases: Leases, clock: FakeClock
) -> None:
    mine = holder(leases, clock)
    await mine.beat()
    clock.advance(TTL_S - 0.1)
    assert mine.valid()
    clock.advance(0.1)
    assert not mine.valid()
    await mine.beat()
    assert mine.valid()


async def test_an_owner_that_slept_too_long_learns_that_its_lease_is_lost(
    leases: Leases, clock: FakeClock
) -> None:
    mine, other = holder(leases, clock), holder(leases, clock, "other")
    await mine.beat()
    clock.advance(TTL_S + 1)
    [taken] = (await other.beat()).gained
    assert taken.takeovers == 1
    change = await mine.beat()
    assert (change.gained, change.lost) == ((), (0,))
    assert (await mine.beat()).lost == ()


async def test_with_the_store_away_what_is_held_is_kept_and_asked_for_again_soon(
    leases: Leases, clock: FakeClock
) -> None:
    mine = holder(leases, clock)
    await mine.beat()
    clock.advance(TTL_S - 0.5)
    leases.away = True
    with pytest.raises(OSError, match="full"):
        await mine.beat()
    assert mine.due_in_s() == 1.0
    assert mine.valid()
    clock.advance(0.5)
    assert not mine.valid()
    leases.away = False
    change = await mine.beat()
    assert (change.gained, change.lost) == ((), ())
    assert mine.valid()


async def test_a_loss_found_while_the_store_went_away_is_told_by_the_next_heartbeat(
    leases: Leases, clock: FakeClock
) -> None:
    mine, other = holder(leases, clock), holder(leases, clock, "other")
    await mine.beat()
    clock.advance(TTL_S + 1)
    await other.beat()
    leases.away = True
    with pytest.raises(OSError, match="full"):
        await mine.beat()
    leases.away = False
    assert (await mine.beat()).lost == (0,)


async def test_a_lease_given_back_is_free_at_once(leases: Leases, clock: FakeClock) -> None:
    mine, other = holder(leases, clock), holder(leases, clock, "other")
    await mine.beat()
    leases.away = True
    with pytest.raises(OSError, match="full"):
        await mine.leave()
    leases.away = False
    await mine.leave()
    [taken] = (await other.beat()).gained
    assert taken.takeovers == 0


async def test_what_is_forgotten_is_not_claimed_again(leases: Leases, clock: FakeClock) -> None:
    mine = holder(leases, clock)
    await mine.beat()
    mine.forget([0, 5])
    assert (await mine.beat()).lost == ()
