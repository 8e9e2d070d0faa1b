"""The stage of a life: one store, all processes and all endpoints, and what is known of them."""

import asyncio
from collections.abc import Callable, Sequence
from math import inf
from typing import ClassVar, cast

from offhook.delivery.bounds.sharing import BoundAsk, BoundGrant
from offhook.delivery.document import WebhookDocument
from offhook.delivery.entries import ApplyReport, PartitionChanges
from offhook.delivery.replays.entries import ReplayJob, ReplayScope
from offhook.delivery.webhooks.rollout import Rollout
from offhook.log.entries import Lease, LeaseShare, Topic
from offhook.model.ids import DEFAULT_ACCOUNT, ReplayId
from offhook.signing.secret import MOST_VALID, make_secret
from offhook.store.sqlite import SqliteStore, open_inline
from offhook.testing.partitioned import PartitionedStore, placed
from offhook.testing.simulated.clocks import HostClock, TrueClock
from offhook.testing.simulated.faulty_store import Line
from offhook.testing.simulated.ledger import Ledger
from offhook.testing.simulated.plan import Plan, dice
from offhook.testing.simulated.process import Ports, Process
from offhook.testing.simulated.promises import Promises
from offhook.testing.simulated.receivers import Receivers, Way
from offhook.testing.simulated.subscriptions import Key, Subscription
from offhook.testing.simulated.trace import Trace
from offhook.testing.simulated.virtual_time import Host, VirtualLoop

DELIVER = "deliver"
_READ_AT_ONCE = 1_000
_MOST_REPLAYS = 20


class World:
    """Everything there is. ``open`` makes one; what happens in it is ``happenings``' affair."""

    def __init__(self, seed: int, plan: Plan, loop: VirtualLoop, store: SqliteStore) -> None:
        self.plan = plan
        self.loop = loop
        self.store = store
        self.trace = Trace(loop.time)
        self.ledger = Ledger(self.trace, loop.time)
        self.promises = Promises(self.ledger)
        self.receivers = Receivers(self.ledger, dice(seed, "network"))
        self.processes: list[Process] = []
        self._rollouts: list[asyncio.Task[None]] = []
        self.disturbed_s = 0.0
        """When a process or its way to the store was last in trouble."""
        self._store_rnd = dice(seed, "store")
        self._seed = seed
        self._made = 0
        self._ports = _ports(store, plan.partitions)
        store.subscribe(self._committed)

    @classmethod
    async def open(cls, seed: int, plan: Plan) -> "World":
        """An empty one, on the running loop."""
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            raise TypeError("a world needs a loop of virtual time")
        store = open_inline(clock=TrueClock(loop.time)).leased_as(plan.partitions)
        await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
        world = cls(seed, plan, loop, store)
        loop.set_exception_handler(world.unhandled)
        return world

    @property
    def up(self) -> list[Process]:
        """Processes that run or will again."""
        return [it for it in self.processes if it.up]

    @property
    def ports(self) -> Ports:
        """The store, without anything in between."""
        return self._ports

    def disturb(self) -> None:
        """Something befell a process or the store: what is due may be late for a while."""
        self.disturbed_s = self.loop.time()

    def start_process(self) -> Process:
        """One more process."""
        self._made += 1
        host = Host(f"{'abc'[self._made % 3]}{self._made}")
        line, clock = Line(), HostClock(self.loop.time)
        ports = self._ports.behind(line, host, self._store_rnd, self._witness)
        way = Way(self.receivers, self.ledger, host, line)
        rnd = dice(self._seed, f"engine {self._made}")
        process = host.context.run(
            lambda: Process(
                host, line, clock, ports=ports, transport=way, rnd=rnd, bounds=self.plan.bounds
            )
        )
        self.processes.append(process)
        self.trace.tell(f"{host.name} starts")
        host.start(self.loop, process.start())
        self.disturb()
        return process

    def kill(self, process: Process) -> None:
        """A process is gone, between two of its steps."""
        if process.host.alive:
            process.host.die()
            self.trace.tell(f"{process.host.name} dies")
            self.ledger.died(process.host)
            self.disturb()

    def stop(self, process: Process) -> asyncio.Task[None]:
        """Let a process end in order."""
        process.stopping = True
        self.trace.tell(f"{process.host.name} stops")
        self.disturb()
        return process.host.start(self.loop, process.stop())

    def suspend(self, process: Process, for_s: float) -> None:
        """A process stands still."""
        host = process.host
        if host.asleep:
            return
        host.sleep()
        self.trace.tell(f"{host.name} is suspended for {for_s:.2f} s")
        self.disturb()

        def wake() -> None:
            if host.asleep:
                self.trace.tell(f"{host.name} goes on")
                host.wake(self.loop)
                self.disturb()

        self.loop.call_later(for_s, wake)

    async def subscribe(self, name: str, fields: dict[str, object]) -> None:
        """Make an endpoint."""
        document = WebhookDocument.model_validate(fields)
        subscription = Subscription(name, self.ledger.head)
        subscription.change(self.ledger.head, self.loop.time(), document)
        self.ledger.subscriptions[name] = subscription
        self.trace.tell(f"{name} subscribes: {document.model_dump_json(exclude_defaults=True)}")
        secret = make_secret(bytes(32))
        subscription.keys.append(Key(secret, self.loop.time()))
        await self.store.webhooks.create_webhook(
            DEFAULT_ACCOUNT, subscription.webhook, document.model_dump_json().encode(), secret
        )

    async def change(self, name: str, **fields: object) -> None:
        """Have an endpoint's owner change something."""
        subscription = self.ledger.subscriptions[name]
        stored = await self.store.webhooks.webhook(DEFAULT_ACCOUNT, subscription.webhook)
        if stored is None:
            return
        before = WebhookDocument.model_validate_json(stored.document)
        document = WebhookDocument.model_validate(before.model_dump() | fields)
        subscription.change(self.ledger.head, self.loop.time(), document)
        self.trace.tell(f"{name} changes {fields}")
        if not document.enabled:
            self.ledger.disabled(subscription, "its owner disabled it")
        await self.store.webhooks.replace_webhook(
            DEFAULT_ACCOUNT,
            subscription.webhook,
            document.model_dump_json().encode(),
            stored.revision,
        )

    async def rotate(self, subscription: Subscription, secret: str, overlap_s: int) -> None:
        """Have an endpoint's secret replaced; it is good from when that is in force everywhere."""
        webhooks, webhook = self.store.webhooks, subscription.webhook
        stored = await webhooks.webhook(DEFAULT_ACCOUNT, webhook)
        if stored is None or len(stored.secrets) >= MOST_VALID:
            return
        subscription.change(self.ledger.head, self.loop.time(), subscription.document)
        await webhooks.rotate_secret(DEFAULT_ACCOUNT, webhook, secret, overlap_s, stored.revision)
        self.trace.tell(f"{subscription.name} has a new secret, {overlap_s} s with the one before")
        ends_s = self.loop.time() + overlap_s
        for key in subscription.keys:
            key.until_s = min(key.until_s, ends_s)
        key = Key(secret, inf)
        subscription.keys.append(key)
        self._rollouts.append(asyncio.create_task(self._roll_out(key)))

    async def _roll_out(self, key: Key) -> None:
        rollout = Rollout(self.store.rollout, TrueClock(self.loop.time))
        if not await rollout.wait():
            key.from_s = self.loop.time()
            self.trace.tell("a new secret is in force")

    async def delete(self, name: str) -> None:
        """Have an endpoint deleted."""
        subscription = self.ledger.subscriptions[name]
        subscription.change(self.ledger.head, self.loop.time(), None)
        self.ledger.disabled(subscription, "deleted")
        self.trace.tell(f"{name} is deleted")
        await self.store.webhooks.delete_webhook(DEFAULT_ACCOUNT, subscription.webhook)

    async def replay(
        self,
        subscription: Subscription,
        scope: ReplayScope,
        rate_per_s: float,
        types: tuple[str, ...] | None = None,
    ) -> ReplayId:
        """Have an endpoint's deliveries sent again."""
        replay = ReplayId(f"rpl_{len(self.ledger.replays):04}")
        webhook = subscription.webhook
        job = ReplayJob(replay, DEFAULT_ACCOUNT, webhook, scope, None, None, types, rate_per_s)
        if await self.store.replays.create_replay(job, most=_MOST_REPLAYS) is not None:
            self.ledger.asked_for_replay(job)
        return replay

    async def cancel_replay(self, replay: ReplayId) -> None:
        """Have a replay stopped, if it runs still."""
        self.trace.tell(f"{replay} is canceled")
        self.ledger.canceled.add(replay)
        await self.store.replays.cancel_replay(DEFAULT_ACCOUNT, replay)

    async def close(self) -> None:
        """Drop everything."""
        self.loop.set_exception_handler(lambda _loop, _context: None)
        for process in self.processes:
            process.host.bury()
        await self.store.close()

    def unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Something raised where nobody looked."""
        self.promises.breaks(f"unhandled: {context.get('message')} {context.get('exception')!r}")

    def _committed(self, topics: frozenset[Topic]) -> None:
        for process in self.up:
            self.loop.call_soon(process.committed, topics, context=process.host.context)

    async def _witness(
        self, host: Host, operation: str, arguments: tuple[object, ...], result: object
    ) -> None:
        witnessed = self._witnessed.get(operation)
        if operation == "append":
            await self.take_note_of_events()
        elif witnessed is not None:
            witnessed(self, host, arguments, result)

    async def take_note_of_events(self) -> None:
        """Read what was appended since the last time."""
        found = await self.store.log.read(0, self.ledger.head, _READ_AT_ONCE, 64 << 20)
        for event in found.events:
            self.ledger.appended(placed(event, self.plan.partitions))

    def _acquired(self, _host: Host, arguments: tuple[object, ...], result: object) -> None:
        consumer, owner, ttl_s = cast("tuple[str, str, float]", arguments[:3])
        if consumer == DELIVER:
            share = cast("LeaseShare", result)
            self.ledger.acquired(owner, share, ttl_s)
            if share.taken:
                self.disturb()

    def _renewed(self, host: Host, arguments: tuple[object, ...], result: object) -> None:
        leases = _deliver(result)
        self.ledger.leased(host.name, leases, cast("float", arguments[1]))

    def _released(self, _host: Host, arguments: tuple[object, ...], _result: object) -> None:
        leases = _deliver(arguments[0])
        self.ledger.released(leases)
        if leases:
            self.disturb()

    def _applied(self, _host: Host, arguments: tuple[object, ...], result: object) -> None:
        changes = cast("Sequence[PartitionChanges]", arguments[0])
        self.ledger.applied(changes, cast("ApplyReport", result))

    def _shared(self, host: Host, arguments: tuple[object, ...], result: object) -> None:
        asks, grants = cast("Sequence[BoundAsk]", arguments[1]), cast("list[BoundGrant]", result)
        until_s = self.loop.time() + cast("float", arguments[2])
        for ask, grant in zip(asks, grants, strict=True):
            self.ledger.shared_until_s[host.name, ask.webhook.removeprefix("wh_")] = until_s
            self.trace.tell(
                f"{host.name} may use {grant.allowed} of {ask.webhook} {ask.kind}, "
                f"uses {ask.used}, wants {ask.wanted}"
            )

    _witnessed: ClassVar[dict[str, Callable[["World", Host, tuple[object, ...], object], None]]] = {
        "acquire": _acquired,
        "renew": _renewed,
        "release": _released,
        "apply": _applied,
        "share": _shared,
    }


def _deliver(leases: object) -> list[Lease]:
    return [it for it in cast("Sequence[Lease]", leases) if it.consumer == DELIVER]


def _ports(store: SqliteStore, partitions: int) -> Ports:
    shared = PartitionedStore(store, store.leases, partitions)
    return Ports(
        log=shared.log,
        appends=store.log,
        leases=store.leases,
        timers=store.timers,
        dispatch=shared.dispatch,
        bounds=store.bounds,
        health=store.health,
        announcements=store.announcements,
        replays=store.replays,
        filters=store.filters,
        webhooks=store.webhooks,
    )
