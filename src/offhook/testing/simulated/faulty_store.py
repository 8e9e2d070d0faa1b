"""A store as one process reaches it: late, not at all, or without learning the outcome."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass

from offhook.delivery.entries import PartitionChanges
from offhook.model.errors import Unavailable
from offhook.testing.simulated.virtual_time import Host

Operation = Callable[..., Awaitable[object]]
Witness = Callable[[Host, str, tuple[object, ...], object], Awaitable[None]]
"""Is told of each operation in the moment in which it is committed; never waits."""


@dataclass(slots=True)
class Trap:
    """What befalls a process after so many more steps: it dies, say, or is suspended."""

    steps: int
    springs: Callable[[], None]


@dataclass(slots=True)
class Line:
    """How a process reaches the store at present. Each operation takes up to ``slow_s`` before and
    as much after; ``failing`` is the share that fails before it begins, ``losing`` the share of
    which the outcome is not learned."""

    away: bool = False
    slow_s: float = 0.0
    failing: float = 0.0
    losing: float = 0.0
    trap: Trap | None = None

    async def step(self) -> None:
        """A moment at which something may befall the process, between any two of its steps."""
        trap = self.trap
        if trap is None:
            return
        trap.steps -= 1
        if trap.steps <= 0:
            self.trap = None
            # It befalls the process from outside: what follows is not for its own loop to do.
            Context().run(trap.springs)
            # Whatever it was, the process does not go on within this callback.
            await asyncio.sleep(0)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not (self.away or self.slow_s or self.failing or self.losing)

    def get_well(self) -> None:
        """All is as it should be."""
        self.away, self.slow_s, self.failing, self.losing = False, 0.0, 0.0, 0.0


class FaultyPort:
    """Any port of a store, behind a line. What fails raises ``Unavailable``.

    An apply whose outcome was not learned is known again when it is asked for once more, as stores
    must: what was recorded is not recorded twice.
    """

    def __init__(
        self, port: object, line: Line, host: Host, rnd: random.Random, witness: Witness
    ) -> None:
        self._port = port
        self._line = line
        self._host = host
        self._rnd = rnd
        self._witness = witness
        self._in_doubt: list[tuple[Sequence[PartitionChanges], object]] = []

    def __getattr__(self, name: str) -> object:
        found: object = getattr(self._port, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def asked(*arguments: object, **named: object) -> object:
            return await self._ask(name, found, arguments, named)

        return asked

    async def _ask(
        self,
        name: str,
        operation: Operation,
        arguments: tuple[object, ...],
        named: dict[str, object],
    ) -> object:
        await self._reach(name)
        known = self._known(name, arguments)
        if known is None:
            result = await operation(*arguments, **named)
            await self._witness(self._host, name, (*arguments, *named.values()), result)
        else:
            result = known
        await self._learn(name, arguments, result)
        return result

    async def _reach(self, name: str) -> None:
        line = self._line
        await line.step()
        if line.away:
            await asyncio.sleep(self._rnd.uniform(0, 2))
            raise Unavailable(f"{name}: the store is away")
        if line.slow_s:
            await asyncio.sleep(self._rnd.uniform(0, line.slow_s))
        if line.failing and self._rnd.random() < line.failing:
            raise Unavailable(f"{name}: the connection was lost")

    async def _learn(self, name: str, arguments: tuple[object, ...], result: object) -> None:
        line = self._line
        await line.step()
        if line.slow_s:
            await asyncio.sleep(self._rnd.uniform(0, line.slow_s))
        if line.away or (line.losing and self._rnd.random() < line.losing):
            if name == "apply":
                self._in_doubt.append((_changes(arguments), result))
            raise Unavailable(f"{name}: the connection was lost in the commit")

    def _known(self, name: str, arguments: tuple[object, ...]) -> object | None:
        if name != "apply":
            return None
        changes = _changes(arguments)
        for doubt in self._in_doubt:
            if doubt[0] is changes:
                self._in_doubt.remove(doubt)
                return doubt[1]
        return None


def _changes(arguments: tuple[object, ...]) -> Sequence[PartitionChanges]:
    changes = arguments[0]
    if not isinstance(changes, list):
        raise TypeError("an apply is asked with a list of changes")
    return changes
