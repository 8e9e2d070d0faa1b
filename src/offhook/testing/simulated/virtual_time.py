"""An asyncio loop on which time passes only when nothing is left to do, and then at once.

Nothing waits for real, nothing runs on threads, no descriptor is watched: in which order callbacks
run follows from the program alone. Every task belongs to the ``Host`` in whose context it was
started, and runs only while that host is up and awake.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_MOST_STEPS_AT_ONCE = 20_000
_A_ROUND_S = 1e-6
"""What a round of callbacks takes: what is due within a rounding of the clock comes up too."""
_NOBODYS = -1

_host: ContextVar["Host | None"] = ContextVar("host", default=None)


class StuckError(Exception):
    """Everything waits, and nothing will ever happen."""


class SpinningError(Exception):
    """Callbacks run and run without any time passing."""


class Host:
    """A machine's process: what runs on it stops between any two callbacks, for a while or for
    good. While it sleeps, the clocks go on; what was due meanwhile runs when it wakes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.asleep = False
        self.context = copy_context()
        self.context.run(_host.set, self)
        self._kept: list[_Step] = []
        self._tasks: list[asyncio.Task[Any]] = []

    def die(self) -> None:
        """Nothing of it ever runs again, not even what would clean up."""
        self.alive = False

    def bury(self) -> None:
        """Drop what it was at, once everything is over."""
        self.die()
        for task in self._tasks:
            coroutine = task.get_coro()
            if not task.done() and isinstance(coroutine, Coroutine):
                with suppress(RuntimeError):
                    coroutine.close()
        self._tasks.clear()

    def sleep(self) -> None:
        """It is suspended."""
        self.asleep = True

    def wake(self, loop: "VirtualLoop") -> None:
        """It goes on."""
        self.asleep = False
        kept, self._kept = self._kept, []
        for step in kept:
            loop.take_up(step)

    def start(self, loop: "VirtualLoop", work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something on this host."""
        return self.context.run(loop.create_task, work)

    def keep(self, step: "_Step") -> None:
        """A callback that came up while it sleeps."""
        self._kept.append(step)

    def own(self, task: asyncio.Task[Any]) -> None:
        """Keep hold of a task, so that one that will never go on is not torn down either."""
        if len(self._tasks) >= 256:
            self._tasks = [it for it in self._tasks if not it.done()]
        self._tasks.append(task)


class _Step:
    """One callback of a host."""

    __slots__ = ("_arguments", "_callback", "_host", "context", "handle")

    def __init__(
        self, host: Host, callback: Callable[..., object], arguments: tuple[object, ...]
    ) -> None:
        self._host = host
        self._callback = callback
        self._arguments = arguments
        self.handle: asyncio.Handle | None = None
        self.context: Context | None = None

    def __call__(self) -> None:
        host = self._host
        if not host.alive or self.handle is None or self.handle.cancelled():
            return
        if host.asleep:
            host.keep(self)
        else:
            self._callback(*self._arguments)


class _NothingToWatch(selectors.BaseSelector):
    """No descriptor is ever ready; where the loop would wait, the time has passed."""

    def __init__(self) -> None:
        self._keys: dict[Any, selectors.SelectorKey] = {}
        self._steps = 0
        self.now_s = 0.0

    def register(self, fileobj: Any, events: int, data: object = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, _NOBODYS, events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise StuckError("every task waits, and no timer is set")
        self.now_s += max(timeout, _A_ROUND_S)
        if timeout > _A_ROUND_S:
            self._steps = 0
        self._steps += 1
        if self._steps > _MOST_STEPS_AT_ONCE:
            self._steps = 0
            raise SpinningError(f"{_MOST_STEPS_AT_ONCE} rounds of callbacks at {self.now_s:.3f} s")
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; ``time()`` is seconds since it was made."""

    def __init__(self) -> None:
        self._nothing = _NothingToWatch()
        super().__init__(self._nothing)
        self.set_task_factory(_owned_task)

    def time(self) -> float:
        """Virtual seconds."""
        return self._nothing.now_s

    def call_soon(
        self,
        callback: Callable[[Unpack[Arguments]], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """As any loop; of a host that is dead or asleep, it does not run or runs later."""
        step = _step(callback, args, context)
        if step is None:
            return super().call_soon(callback, *args, context=context)
        step.context = context
        step.handle = super().call_soon(step, context=context)
        return step.handle

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Arguments]], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As any loop; of a host that is dead or asleep, it does not run or runs later."""
        step = _step(callback, args, context)
        if step is None:
            return super().call_at(when, callback, *args, context=context)
        step.context = context
        step.handle = handle = super().call_at(when, step, context=context)
        return handle

    def take_up(self, step: _Step) -> None:
        """Run a callback that a host kept while it slept."""
        super().call_soon(step, context=step.context)


def _step(
    callback: Callable[..., object], arguments: tuple[object, ...], context: Context | None
) -> _Step | None:
    host = _host.get() if context is None else context.get(_host)
    return None if host is None else _Step(host, callback, arguments)


def _owned_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T],
    context: Context | None = None,
) -> asyncio.Task[T]:
    task = asyncio.Task(coroutine, loop=loop, context=context)
    host = _host.get()
    if host is not None:
        host.own(task)
    return task


@contextmanager
def virtual_loop() -> Iterator[VirtualLoop]:
    """A loop at its second 0, closed afterwards."""
    loop = VirtualLoop()
    try:
        yield loop
    finally:
        # What is left belongs to the dead: it is dropped without a word.
        loop.set_exception_handler(lambda _loop, _context: None)
        loop.close()
