"""Several engines over one store, stepped together: they join, stop, sleep and die on command."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

from offhook.clock import Clock
from offhook.delivery.engine.dispatcher import Bounds
from offhook.delivery.entries import Answer, Request
from offhook.log.entries import Topic
from offhook.testing.clock import FakeClock
from offhook.testing.engine import Bench, EngineStore
from offhook.testing.network import OK, Arrival, ScriptedNetwork, arrival

STEP_S = 0.05


class SharedStore(EngineStore, Protocol):
    """A store that several processes use."""

    def subscribe(self, subscriber: Callable[[frozenset[Topic]], None]) -> None:
        """Be told of commits."""
        ...


class Receivers:
    """All endpoints. ``hold`` says which requests wait until ``answer`` lets them go, ``reply``
    what is answered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[asyncio.Event] = []
        self.hold: Callable[[Request], bool] = lambda _: False
        self.reply: Callable[[Request], Answer] = lambda _: OK
        self.accepted: list[Arrival] = []
        self.begun: dict[str, list[float]] = defaultdict(list)
        """By URL, when each request began, on the monotonic clock."""
        self.most_in_flight: dict[str, int] = defaultdict(int)
        self._in_flight: dict[str, int] = defaultdict(int)

    async def take(self, request: Request, line: "Line") -> Answer:
        """One request, from its first byte to the answer; nothing of it counts once its sender is
        dead."""
        self.begun[request.url].append(self._clock.monotonic())
        line.open[request.url] += 1
        self._in_flight[request.url] += 1
        most = self.most_in_flight[request.url]
        self.most_in_flight[request.url] = max(most, self._in_flight[request.url])
        if self.hold(request):
            gate = asyncio.Event()
            self._waiting.append(gate)
            await gate.wait()
        line.open[request.url] -= 1
        self._in_flight[request.url] -= 1
        answer = self.reply(request)
        if answer.status is not None and 200 <= answer.status < 300:
            self.accepted.append(arrival(request))
        return answer

    def cut_off(self, line: "Line") -> None:
        """The sender died: its connections are closed."""
        for url, count in line.open.items():
            self._in_flight[url] -= count
        line.open.clear()

    def answer(self, count: int | None = None) -> None:
        """Let so many go that wait, the oldest first; all of them by default."""
        for gate in self._waiting[:count]:
            gate.set()
        del self._waiting[:count]

    def sequences(self, key: str, url: str) -> list[int]:
        """The sequences of a key that an endpoint accepted, in order of acceptance."""
        return [it.sequence for it in self.accepted if it.key == key and it.url == url]

    def most_begun_within(self, window_s: float, url: str) -> int:
        """The most requests that began within any window."""
        begun = self.begun[url]
        return max(
            (sum(at <= other < at + window_s - 1e-6 for other in begun) for at in begun), default=0
        )


class Line:
    """One process's way to the receivers; none once it is dead."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers
        self.open: dict[str, int] = defaultdict(int)
        self.dead = asyncio.Event()

    async def send(self, request: Request) -> Answer:
        """Send; of a process that died, no answer ever comes back."""
        if not self.dead.is_set():
            taking = asyncio.ensure_future(self._receivers.take(request, self))
            died = asyncio.ensure_future(self.dead.wait())
            await asyncio.wait([taking, died], return_when=asyncio.FIRST_COMPLETED)
            died.cancel()
            if not self.dead.is_set():
                return await taking
            taking.cancel()
        return await asyncio.Future()

    def cut(self) -> None:
        """The process died."""
        self.dead.set()
        self._receivers.cut_off(self)


class Process:
    """One engine. While it is ``asleep``, no step of it is taken."""

    def __init__(self, name: str, bench: Bench, line: Line) -> None:
        self.name = name
        self.bench = bench
        self.line = line
        self.asleep = False


class Processes:
    """All engines there are, and the hands that step them."""

    def __init__(self, store: SharedStore, clock: FakeClock, bounds: Bounds) -> None:
        self._store = store
        self._clock = clock
        self._bounds = bounds
        self.receivers = Receivers(clock)
        self.alive: dict[str, Process] = {}
        store.subscribe(self._committed)

    def start(self, name: str) -> Process:
        """One more process."""
        line = Line(self.receivers)
        network = ScriptedNetwork(line.send)
        bench = Bench(self._store, self._clock, network, owner=name, bounds=self._bounds)
        process = self.alive[name] = Process(name, bench, line)
        return process

    async def stop(self, name: str) -> None:
        """It ends in order."""
        await self.alive.pop(name).bench.dispatcher.stop()

    def kill(self, name: str) -> None:
        """It is gone from one moment to the next."""
        self.alive.pop(name).line.cut()

    def shares(self) -> dict[str, int]:
        """How many partitions each process holds."""
        return {name: len(it.bench.dispatcher.partitions) for name, it in self.alive.items()}

    async def step(self) -> None:
        """One step of each that is awake."""
        for process in [it for it in self.alive.values() if not it.asleep]:
            await process.bench.step(0.001)

    async def pass_time(self, seconds: float, step_s: float = STEP_S) -> None:
        """Let the time pass in small steps."""
        left_s = seconds
        while left_s > 1e-9:
            self._clock.advance(min(step_s, left_s))
            left_s -= step_s
            await self.step()

    async def until(self, reached: Callable[[], bool], within_s: float = 30.0) -> float:
        """Let time pass until it is so; returns how much did, and fails after ``within_s``."""
        passed_s = 0.0
        while not reached():
            if passed_s > within_s:
                raise AssertionError(f"not reached within {within_s} s")
            await self.pass_time(STEP_S)
            passed_s += STEP_S
        return passed_s

    def _committed(self, topics: frozenset[Topic]) -> None:
        if Topic.LEASES in topics:
            for process in self.alive.values():
                process.bench.dispatcher.hasten()
