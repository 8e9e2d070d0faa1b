"""What rotating a secret guarantees on any store; needs the fixtures ``store`` and ``clock``.

During a rotation no request fails to verify, with the old secret or with the new one: until the
overlap ends each carries a signature of the old one, and from the moment that the rotation answered
each carries one of the new one, whichever process sent it and whenever it began.
"""

import asyncio
from collections.abc import Callable, Sequence

from offhook.delivery.engine.dispatcher import CONSUMER
from offhook.delivery.entries import Answer, Request
from offhook.delivery.webhooks.rollout import Rollout
from offhook.model.errors import Conflict
from offhook.model.event import to_ms
from offhook.model.ids import DEFAULT_ACCOUNT, WebhookId
from offhook.signing import STANDARD, STANDARD_ED25519, Secret, Verified, make_secret, verify
from offhook.signing.ed25519 import public_key
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import (
    OTHER_ACCOUNT,
    SECRET,
    TTL_S,
    WEBHOOK,
    make_webhook,
)
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import OK, ScriptedNetwork

HOUR_S = 3_600
OVERLAP_S = 250
OLD = make_secret(bytes(32))
NEW = make_secret(bytes(range(32)))


class RotationConformance:
    """Secrets come and go at the moment that was said, and the engines follow."""

    async def test_the_new_secret_is_in_force_and_the_old_one_has_an_end(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        assert await _rotate(store, NEW, HOUR_S)
        ends_ms = to_ms(clock.now()) + HOUR_S * 1000
        held = (Secret(NEW), Secret(SECRET, ends_ms))
        assert await _secrets(store) == held
        assert (await store.dispatch.webhooks()).webhooks[0].secrets == held
        clock.advance(HOUR_S - 0.001)
        assert await _secrets(store) == held
        clock.advance(0.001)
        assert await _secrets(store) == (Secret(NEW),)
        assert (await store.dispatch.webhooks()).webhooks[0].secrets == (Secret(NEW),)

    async def test_rotations_overlap_each_with_its_own_end(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        now_ms = to_ms(clock.now())
        assert await _rotate(store, OLD, 3 * HOUR_S)
        assert await _rotate(store, NEW, HOUR_S, revision=2)
        third = make_secret(b"3" * 32)
        assert await _rotate(store, third, 0, revision=3)
        assert await _secrets(store) == (
            Secret(third),
            Secret(SECRET, now_ms + 3 * HOUR_S * 1000),
            Secret(OLD, now_ms + HOUR_S * 1000),
        )

    async def test_a_rotation_needs_the_revision_that_it_was_decided_on(
        self, store: ConformingStore
    ) -> None:
        made = await make_webhook(store)
        assert await store.webhooks.replace_webhook(DEFAULT_ACCOUNT, WEBHOOK, made.document, 1)
        assert not await _rotate(store, NEW, 60, revision=1)
        assert not await store.webhooks.rotate_secret(OTHER_ACCOUNT, WEBHOOK, NEW, 60, 2)
        assert await _secrets(store) == made.secrets
        assert await _rotate(store, NEW, 60, revision=2)
        assert not await _rotate(store, OLD, 0, revision=2), "it is a change like any other"
        try:
            await _rotate(store, NEW, 60, revision=3)
        except Conflict:
            return
        raise AssertionError("the secret in force was rotated to itself")

    async def test_a_change_of_scheme_replaces_all_secrets_at_once(
        self, store: ConformingStore
    ) -> None:
        made = await make_webhook(store)
        await _rotate(store, NEW, 60)
        pair = make_secret(bytes(32), STANDARD_ED25519)
        assert await store.webhooks.replace_webhook(
            DEFAULT_ACCOUNT, WEBHOOK, made.document, 2, secret=pair
        )
        assert await _secrets(store) == (Secret(pair),)

    async def test_public_keys_are_listed_newest_first_for_as_long_as_they_sign(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await make_webhook(store)
        await make_webhook(store, "wh_b", OTHER_ACCOUNT)
        assert await store.webhooks.public_keys(10) == []
        pairs = [make_secret(bytes([n] * 32), STANDARD_ED25519) for n in range(3)]
        await _rotate(store, pairs[0], 0)
        clock.advance(1)
        await store.webhooks.rotate_secret(OTHER_ACCOUNT, WebhookId("wh_b"), pairs[1], HOUR_S, 1)
        keys = [public_key(pair) for pair in pairs]
        assert await store.webhooks.public_keys(10) == [keys[1], keys[0]]
        assert await store.webhooks.public_keys(1) == [keys[1]]
        clock.advance(1)
        await _rotate(store, pairs[2], HOUR_S, revision=2)
        assert set(await store.webhooks.public_keys(10)) == set(keys)
        clock.advance(HOUR_S)
        assert await store.webhooks.public_keys(10) == [keys[2], keys[1]]
        await store.webhooks.delete_webhook(OTHER_ACCOUNT, WebhookId("wh_b"))
        assert await store.webhooks.public_keys(10) == [keys[2]]

    async def test_a_process_is_behind_until_it_says_by_what_it_delivers(
        self, store: ConformingStore
    ) -> None:
        version = await store.rollout.config_version()
        assert await store.rollout.engines_behind(version) == 0
        await store.leases.acquire("roll-up", "another consumer", TTL_S)
        assert await store.rollout.engines_behind(version) == 0
        await store.leases.acquire(CONSUMER, "one", TTL_S)
        await store.leases.acquire(CONSUMER, "two", TTL_S, version)
        assert await store.rollout.engines_behind(version) == 1
        await store.leases.acquire(CONSUMER, "one", TTL_S, version)
        assert await store.rollout.engines_behind(version) == 0
        await make_webhook(store)
        later = await store.rollout.config_version()
        assert later > version
        assert await store.rollout.engines_behind(later) == 2
        await store.leases.acquire(CONSUMER, "one", TTL_S, later)
        await store.leases.leave(CONSUMER, "two")
        assert await store.rollout.engines_behind(later) == 0

    async def test_a_process_that_died_holds_nobody_up(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        await store.leases.acquire(CONSUMER, "one", TTL_S)

        async def sleep(seconds: float) -> None:
            clock.advance(seconds)

        assert await Rollout(store.rollout, clock, sleep).wait(TTL_S / 2) == 1
        assert await Rollout(store.rollout, clock, sleep).wait(TTL_S) == 0

    async def test_during_a_rotation_no_request_fails_to_verify(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        receiver = _Receiver(clock)
        engines = [Bench(store, clock, ScriptedNetwork(receiver.take), owner=name) for name in "ab"]
        webhook = await engines[0].webhook("crm", max_in_flight=64)
        await _share(engines)
        receiver.open.clear()
        await engines[0].post(*(f"k{n}" for n in range(20)))
        await _step_until(engines, lambda: receiver.waiting > 0)
        rotating = asyncio.create_task(receiver.rotate(store, webhook))
        for round_ in range(20):
            await engines[0].post(*(f"r{round_}.{n}" for n in range(4)))
            await _step(engines)
        # What began before the reload is still under way, so nobody was answered yet.
        assert not receiver.answered
        receiver.open.set()
        await _step_until(engines, rotating.done)
        await rotating
        await engines[0].post(*(f"k{n}" for n in range(20)))
        await _step_until(engines, lambda: len(receiver.seen) == 120)
        assert all(by_old for _, by_old, _ in receiver.seen)
        assert all(by_new for answered, _, by_new in receiver.seen if answered)
        assert sum(answered for answered, _, _ in receiver.seen) >= 20
        await self._the_overlap_ends(engines, receiver, clock)

    async def _the_overlap_ends(
        self, engines: Sequence[Bench], receiver: "_Receiver", clock: FakeClock
    ) -> None:
        """No engine reads anything anew: the signer itself knows when."""
        while to_ms(clock.now()) < receiver.ends_ms - 60_000:
            clock.advance(1)
            await _step(engines)
        receiver.seen.clear()
        await engines[0].post("before")
        await _step_until(engines, lambda: len(receiver.seen) == 1)
        while to_ms(clock.now()) < receiver.ends_ms:
            clock.advance(1)
            await _step(engines)
        await engines[0].post("after")
        await _step_until(engines, lambda: len(receiver.seen) == 2)
        assert receiver.seen == [(True, True, True), (True, False, True)]


class _Receiver:
    """Verifies what arrives with the old secret and with the new one; requests arrive while it is
    ``open``. ``seen`` has of each whether the rotation was answered before, and what verified."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = 0
        self.answered = False
        self.ends_ms = 0
        self.seen: list[tuple[bool, bool, bool]] = []

    async def take(self, request: Request) -> Answer:
        """A request on its way: it arrives when the receiver is open."""
        self.waiting += 1
        await self.open.wait()
        self.waiting -= 1
        by_old, by_new = self._verifies(request, OLD), self._verifies(request, NEW)
        self.seen.append((self.answered, by_old, by_new))
        return OK

    async def rotate(self, store: ConformingStore, webhook: WebhookId) -> None:
        """As the route does it."""
        assert await store.webhooks.rotate_secret(DEFAULT_ACCOUNT, webhook, NEW, OVERLAP_S, 1)
        stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, webhook)
        assert stored is not None
        self.ends_ms = stored.secrets[1].expires_ms or 0
        assert await Rollout(store.rollout, self._clock).wait() == 0
        self.answered = True

    def _verifies(self, request: Request, secret: str) -> bool:
        verdict = verify(
            STANDARD,
            [secret],
            headers=request.headers,
            body=request.body,
            now_s=int(self._clock.now().timestamp()),
        )
        return isinstance(verdict, Verified)


async def _rotate(store: ConformingStore, secret: str, overlap_s: int, revision: int = 1) -> bool:
    return await store.webhooks.rotate_secret(DEFAULT_ACCOUNT, WEBHOOK, secret, overlap_s, revision)


async def _secrets(store: ConformingStore) -> tuple[Secret, ...]:
    stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, WEBHOOK)
    assert stored is not None
    return stored.secrets


async def _share(engines: Sequence[Bench]) -> None:
    """Step until all partitions are held by one engine or another."""
    partitions = engines[0].store.log.partitions
    async with asyncio.timeout(60):
        while sum(len(engine.dispatcher.partitions) for engine in engines) < partitions:
            await _step(engines)
            engines[0].clock.advance(0.5)


async def _step(engines: Sequence[Bench]) -> None:
    """A step of each, and of the clock: what they share of bounds is asked for by it."""
    engines[0].clock.advance(0.01)
    for engine in engines:
        await engine.step(0.001)


async def _step_until(engines: Sequence[Bench], reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not reached():
            await _step(engines)
