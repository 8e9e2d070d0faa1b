"""Behind the queue: takes events that are due, calls the handler, settles each attempt."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, assert_never

import structlog

from offhook.receiver.calling import Caller, Handler, Handlers
from offhook.receiver.counting import Count, Counted
from offhook.receiver.event import Event, stored_event
from offhook.receiver.masking import masked, told, trace
from offhook.receiver.ports import Queue, Settlement, Taken, Verdict
from offhook.receiver.retrying import RetryPolicy, settled

_RENEWALS_A_LEASE: Final = 3
_FORGET_EVERY_S: Final = 1.0
_ATTEMPTS_ALONE: Final = 3

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Handling:
    """How events are handled: at most ``concurrency`` at once in this process, which is also how
    many a crash may hand over again, each attempt for at most ``timeout_s``. What processes ended
    with in its last attempts is handled alone: what brings them down takes nothing with it.

    ``lease_s`` is how long the events of a process that died wait for another; ``poll_s`` how often
    a process looks for what others left or put there.
    """

    retries: RetryPolicy = field(default_factory=RetryPolicy)
    concurrency: int = 16
    timeout_s: float = 30.0
    lease_s: float = 15.0
    poll_s: float = 0.5

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ValueError(f"concurrency is {self.concurrency}; give 1 or more")
        for name in ("timeout_s", "lease_s", "poll_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give seconds above 0")


class Worker:
    """Hands events of the queue to one handler. Settlements go to ``settle``, which must tell
    ``committed`` once they are written: until then their lanes are held."""

    def __init__(
        self,
        queue: Queue,
        handler: Handler | Handlers,
        settle: Callable[[Settlement], None],
        *,
        holder: str,
        handling: Handling,
        count: Count,
        rnd: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._caller = Caller(handler, handling.timeout_s)
        self._settle = settle
        self._holder = holder
        self._handling = handling
        self._count = count
        self._rnd = rnd
        self._held: dict[str, Taken] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._alone: asyncio.Task[None] | None = None
        self._work = asyncio.Event()
        self._written = asyncio.Event()
        self._taking = asyncio.Lock()
        self._stopping = False

    def wake(self) -> None:
        """There may be something to take."""
        self._work.set()

    def committed(self, settlements: Sequence[Settlement]) -> None:
        """These are written: their lanes are free again."""
        for settlement in settlements:
            held = self._held.get(settlement.lane)
            # After a take-over from itself, by a suspended process, another attempt holds the lane.
            if held is not None and _is_of(settlement, held):
                del self._held[settlement.lane]
        self._written.set()
        self.wake()

    async def run(self) -> None:
        """Take and hand over until cancelled; hold what is held, and let the queue forget."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_often())
            group.create_task(self._run_every(self.renew, self._lease_s / _RENEWALS_A_LEASE))
            group.create_task(self._run_every(self._queue.forget, _FORGET_EVERY_S))

    async def run_once(self) -> int:
        """Take as many events as there is room for, and start handling them; how many."""
        self._work.clear()
        room = self._room()
        if room <= 0:
            return 0
        async with self._taking:
            taken = await self._queue.take(self._holder, room, self._lease_s)
        if self._stopping:
            self._give_back(taken)
            return 0
        suspects = [each for each in taken if self._is_suspect(each)]
        self._give_back(suspects[1:])
        started = [each for each in taken if each not in suspects[1:]]
        for each in started:
            self._start(each)
        return len(started)

    async def renew(self) -> None:
        """Hold on to the lanes of what is being handled."""
        if self._held:
            await self._queue.renew(self._holder, list(self._held), self._lease_s)

    async def idle(self) -> None:
        """Return once no handler runs."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self, grace_s: float) -> None:
        """Take nothing more, and give back what is being taken. Let running handlers finish, for so
        long; then cancel them, and give their events back."""
        self._stopping = True
        async with self._taking:
            pass
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=grace_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _start(self, taken: Taken) -> None:
        self._held[taken.lane] = taken
        task = asyncio.create_task(self._handle(taken))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        if self._is_suspect(taken):
            self._alone = task

    def _is_suspect(self, taken: Taken) -> bool:
        """Whether processes ended in its last attempts: by it, or by what ran beside it."""
        return taken.attempt > self._handling.retries.max_attempts

    async def _until_alone(self) -> None:
        """Return once all else is done and written down, what was given back too: nothing but this
        attempt counts if the process ends now."""
        while len(self._held) > 1:
            self._written.clear()
            await self._written.wait()

    def _room(self) -> int:
        if self._stopping or self._alone is not None:
            return 0
        # What is done but not written down yet counts: after a crash no more than this comes again.
        return self._handling.concurrency - len(self._held) - self._caller.overdue

    def _give_back(self, taken: Sequence[Taken]) -> None:
        for each in taken:
            self._held[each.lane] = each
            self._settle(settled(each, Verdict.RELEASED))

    @property
    def _lease_s(self) -> float:
        return self._handling.lease_s

    async def _run_often(self) -> None:
        while True:
            try:
                await self.run_once()
            except Exception as error:  # noqa: BLE001 - a queue that fails now may not later
                _log.error("queue_not_read", error=told(error))
                await asyncio.sleep(self._handling.poll_s)
            # Not wait_for, which in Python 3.11 may take a cancellation for itself.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._handling.poll_s):
                    await self._work.wait()

    async def _run_every(self, step: Callable[[], Awaitable[None]], every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - a queue that fails now may not later
                _log.error("queue_not_kept", error=told(error))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task is self._alone:
            self._alone = None
        self.wake()

    async def _handle(self, taken: Taken) -> None:
        event, fault = None, None
        try:
            event = self._event_of(taken)
            if self._is_suspect(taken):
                await self._until_alone()
            await self._caller.call(event)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises, its event stays
            fault = error
        settlement = self._settlement(taken, fault)
        # Settled before it is counted and logged: what goes wrong there, in code that is not ours,
        # must not hold its lane.
        self._settle(settlement)
        self._report(settlement, event, fault)

    def _event_of(self, taken: Taken) -> Event:
        """The event; ``_Hopeless`` if it is not to be tried."""
        if taken.attempt > self._handling.retries.max_attempts + _ATTEMPTS_ALONE:
            raise _Hopeless(
                "the process ended in each attempt to handle it, beside others and alone"
            )
        try:
            return stored_event(taken.body)
        except Exception as error:  # noqa: BLE001 - what is stored may be of any other version
            raise _Hopeless(f"it cannot be read: {told(error)}") from None

    def _settlement(self, taken: Taken, fault: BaseException | None) -> Settlement:
        match fault:
            case None:
                return settled(taken, Verdict.HANDLED)
            case _Hopeless():
                return settled(taken, Verdict.DEAD, error=str(fault))
            case asyncio.CancelledError() if self._stopping:
                return settled(taken, Verdict.RELEASED)
            case _:  # a cancellation too, which is then the handler's own, of what it waited for
                return self._handling.retries.after_failure(taken, told(fault), self._rnd())

    def _report(
        self, settlement: Settlement, event: Event | None, fault: BaseException | None
    ) -> None:
        match settlement.verdict:
            case Verdict.HANDLED:
                self._count(Counted.HANDLED)
            case Verdict.RETRY:
                self._count(Counted.FAILED)
                again_in_s = round(settlement.delay_s, 1)
                _log.error(
                    "handler_failed", again_in_s=again_in_s, **_said(settlement, event, fault)
                )
            case Verdict.DEAD:
                self._count(Counted.DEAD)
                _log.error("event_given_up", **_said(settlement, event, fault))
            case Verdict.RELEASED:
                pass
            case _:
                assert_never(settlement.verdict)


def _is_of(settlement: Settlement, taken: Taken) -> bool:
    return (settlement.event_id, settlement.attempt) == (taken.event_id, taken.attempt)


class _Hopeless(Exception):
    """An event is given up without an attempt; the text says why."""


def _said(
    settlement: Settlement, event: Event | None, fault: BaseException | None
) -> dict[str, object]:
    said: dict[str, object] = {
        "event_id": settlement.event_id,
        "attempt": settlement.attempt,
        "error": settlement.error,
    }
    if event is not None:
        said |= {"event_type": masked(event.type), "key": masked(event.key)}
    if fault is not None and not isinstance(fault, _Hopeless):
        said["trace"] = trace(fault)
    return said
