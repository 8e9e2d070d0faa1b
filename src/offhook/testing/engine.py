"""The delivery engine on a bench: real store, fake clock, scripted network, stepped by hand."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from offhook.clock import Clock
from offhook.delivery.document import WebhookDocument
from offhook.delivery.engine.dispatcher import DEFAULT_BOUNDS, Bounds, Dispatcher
from offhook.delivery.engine.filter_reporting import FilterReporter
from offhook.delivery.outgoing.sender import Sender
from offhook.delivery.ports import DeliveryStore, FilterStore, Transport, WebhookStore
from offhook.log.entries import Appended, Submission
from offhook.log.fold import fold
from offhook.model.event import EventRef
from offhook.model.fact import PlainFact
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId, WebhookId
from offhook.signing.secret import make_secret
from offhook.store.contract import Replays
from offhook.testing.clock import FakeClock
from offhook.testing.network import ScriptedNetwork

_LONGEST_WAIT_S = 60.0
_BUSY_S = 0.005
_A_MOMENT_S = 0.0005
_HEARTBEAT_S = 1.0
_WRITES = frozenset({"apply", "health", "filter faults"})
"""The tasks in which the engine writes, by their names."""
_HANGS_AFTER_S = 2.0
_LISTENS = "notices"
"""The task of a store that only wakes others, by its name."""


class EngineStore(DeliveryStore, Protocol):
    """The ports of a store that the engine works on, and those that a bench asks."""

    @property
    def replays(self) -> Replays:
        """What is sent again on somebody's word."""
        ...

    @property
    def filters(self) -> FilterStore:
        """What could not be evaluated of endpoints' filters."""
        ...

    @property
    def webhooks(self) -> WebhookStore:
        """The control plane of webhooks."""
        ...


def make_dispatcher(
    store: EngineStore,
    clock: Clock,
    transport: Transport,
    *,
    rnd: random.Random,
    owner: str,
    wake: Callable[[], None],
    bounds: Bounds = DEFAULT_BOUNDS,
) -> Dispatcher:
    """A dispatcher over the ports of a store."""
    return Dispatcher(
        store=store,
        filters=FilterReporter(store=store.filters, clock=clock),
        sender=Sender(transport=transport, clock=clock),
        clock=clock,
        rnd=rnd,
        owner=owner,
        wake=wake,
        bounds=bounds,
    )


class Bench:
    """One dispatcher, and the hands that feed and step it."""

    def __init__(
        self,
        store: EngineStore,
        clock: FakeClock,
        network: ScriptedNetwork,
        *,
        owner: str = "bench",
        bounds: Bounds = DEFAULT_BOUNDS,
    ) -> None:
        self.store = store
        self.clock = clock
        self.network = network
        self._wake = asyncio.Event()
        self._hanging = set[asyncio.Task[object]]()
        self.dispatcher = make_dispatcher(
            store,
            clock,
            network,
            rnd=random.Random(7),  # noqa: S311 - jitter on a bench
            owner=owner,
            wake=self._wake.set,
            bounds=bounds,
        )

    async def webhook(self, name: str, **fields: object) -> WebhookId:
        """Make an endpoint at ``https://<name>.example/hook`` that takes everything."""
        document = WebhookDocument.model_validate(
            {"url": f"https://{name}.example/hook", "events": ["*"], **fields}
        )
        webhook = WebhookId(f"wh_{name}")
        await self.store.webhooks.create_webhook(
            DEFAULT_ACCOUNT, webhook, document.model_dump_json().encode(), make_secret(bytes(32))
        )
        return webhook

    async def post(self, *keys: str, account: AccountId = DEFAULT_ACCOUNT) -> list[EventRef]:
        """Append one event for each key, in this order, as one batch."""
        outcomes = await self.store.log.append([_fact(key, account) for key in keys], fold)
        events = [outcome.event for outcome in outcomes if isinstance(outcome, Appended)]
        if len(events) != len(keys):
            raise AssertionError(f"not every fact was appended: {outcomes}")
        return events

    async def step(self, wait_s: float | None = None) -> None:
        """One step, and a chance for what runs beside it: a moment if nothing is known to; but what
        is being written is written then, however busy the machine is, unless it hangs."""
        self._wake.clear()
        await self.dispatcher.run_once()
        if wait_s is None:
            wait_s = self._moment_s()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), wait_s)
        writes = {task for task in asyncio.all_tasks() if task.get_name() in _WRITES}
        self._hanging &= writes
        if writes - self._hanging:
            _, late = await asyncio.wait(writes - self._hanging, timeout=_HANGS_AFTER_S)
            self._hanging |= late

    def _moment_s(self) -> float:
        """How long what runs beside it may take; nothing where there is no such thing."""
        if not self.dispatcher.quiet:
            return _BUSY_S
        beside = asyncio.all_tasks() - {asyncio.current_task()}
        return _A_MOMENT_S if any(it.get_name() != _LISTENS for it in beside) else 0.0

    async def until(self, reached: Callable[[], bool]) -> None:
        """Step until it is so; fails after a minute."""
        async with asyncio.timeout(_LONGEST_WAIT_S):
            while not reached():
                await self.step()

    async def settle(self) -> None:
        """Step until nothing is left to do at this time of the clock."""
        calm = 0
        async with asyncio.timeout(_LONGEST_WAIT_S):
            while calm < 3:
                await self.step()
                calm = calm + 1 if self.dispatcher.quiet else 0

    async def take_over(self) -> None:
        """Step until it holds every partition, and then settle. A lease that a write of the last
        owner has locked at the moment is only taken with the next heartbeat."""
        async with asyncio.timeout(_LONGEST_WAIT_S):
            while len(self.dispatcher.partitions) < self.store.log.partitions:
                await self.step()
                self.clock.advance(_HEARTBEAT_S)
        await self.settle()

    async def pass_time(self, seconds: float, step_s: float = 0.25) -> None:
        """Move the clock on in small steps, settling after each."""
        left_s = seconds
        while left_s > 0:
            self.clock.advance(min(step_s, left_s))
            left_s -= step_s
            await self.settle()

    async def go_on(self, seconds: float, step_s: float = 0.25) -> None:
        """The same with one step after each, for what hangs never settles."""
        for _ in range(round(seconds / step_s)):
            self.clock.advance(step_s)
            await self.step()


def _fact(key: str, account: AccountId) -> Submission:
    data = msgspec.json.encode({"of": key})
    return Submission(account, key, PlainFact("custom.step", key, data), len(data))


def in_order(sequences: Sequence[int]) -> bool:
    """Whether first occurrences only rise: repeats of earlier ones may follow."""
    highest, seen = 0, set[int]()
    for sequence in sequences:
        if sequence in seen:
            continue
        if sequence < highest:
            return False
        highest = max(highest, sequence)
        seen.add(sequence)
    return True
