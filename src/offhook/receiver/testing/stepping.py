"""A receiver in memory, on a clock that stands still, which hands over when it is told to."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self

import msgspec

from offhook.clock import Clock, FakeClock
from offhook.receiver.answers import Answer
from offhook.receiver.calling import Handler, Handlers
from offhook.receiver.journal import Journal
from offhook.receiver.naming import Naming
from offhook.receiver.ports import Queue, Settlement, Verdict
from offhook.receiver.receiving import Receiver
from offhook.receiver.sqlite import SqliteQueue
from offhook.receiver.testing.requests import signed_request
from offhook.receiver.worker import Handling, Worker
from offhook.signing import STANDARD, SignedRequest, make_secret
from offhook.signing.presets import Preset

SECRET: Final = make_secret(bytes(32))
_LOOK_EVERY_S: Final = 0.001


class Handed(msgspec.Struct, frozen=True):
    """An attempt that was made, and what it came to. ``again_in_s`` is for ``Verdict.RETRY``."""

    event_id: str
    attempt: int
    verdict: Verdict
    again_in_s: float = 0.0
    error: str = ""


def _in_memory(clock: Clock) -> Queue:
    return SqliteQueue(":memory:", clock=clock)


class SteppedReceiver:
    """An async context manager around a receiver whose queue is in memory, unless another is given.

    ``deliver`` signs and delivers, ``run`` hands over all that is due and says what came of it, and
    ``clock.advance(30)`` lets time pass. Delays are not spread.
    """

    def __init__(
        self,
        handler: Handler | Handlers,
        *,
        secret: str = SECRET,
        scheme: Preset | str = STANDARD,
        naming: Naming | None = None,
        handling: Handling | None = None,
        ordered: bool = True,
        queue: Callable[[Clock], Queue] = _in_memory,
    ) -> None:
        self.clock = FakeClock()
        self.queue = queue(self.clock)
        self._secret = secret
        self._scheme = scheme
        self._receiver = Receiver(
            handler,
            secret,
            self.queue,
            scheme=scheme,
            naming=naming,
            ordered=ordered,
            handling=handling,
            clock=self.clock,
        )
        self._journal: Journal
        self._worker: Worker
        self._settled: list[Settlement] = []

    async def __aenter__(self) -> Self:
        self._journal, self._worker = await self._receiver.set_up(rnd=lambda: 0.5)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._worker.stop(0)
        await self.queue.close()

    async def deliver(self, event: Mapping[str, object]) -> Answer:
        """Sign an event now and deliver it."""
        now = self.clock.now()
        return await self.receive(signed_request(event, self._secret, self._scheme, now=now))

    async def receive(self, request: SignedRequest) -> Answer:
        """Deliver a request as it is."""
        answering = asyncio.create_task(self._receiver.receive(request))
        while not answering.done():
            await asyncio.sleep(0)
            await self._journal.run_once(self._committed)
        return answering.result()

    async def run_once(self) -> list[Handed]:
        """Hand over the first due event of each key, at most ``concurrency`` of them."""
        self._settled = []
        await self._worker.run_once()
        handling = asyncio.create_task(self._worker.idle())
        while not handling.done():
            await asyncio.wait([handling], timeout=_LOOK_EVERY_S)
            await self._journal.run_once(self._committed)
        return [_handed(settlement) for settlement in self._settled]

    async def run(self) -> list[Handed]:
        """Hand over all that is due now."""
        handed: list[Handed] = []
        while some := await self.run_once():
            handed += some
        return handed

    def _committed(self, settlements: Sequence[Settlement]) -> None:
        self._settled += settlements
        self._worker.committed(settlements)


def _handed(settlement: Settlement) -> Handed:
    return Handed(
        settlement.event_id,
        settlement.attempt,
        settlement.verdict,
        settlement.delay_s,
        settlement.error,
    )
