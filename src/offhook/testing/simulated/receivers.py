"""All endpoints on the network, and the ways of the processes to them."""

import asyncio
import random
from collections.abc import Callable
from contextvars import Context

from offhook.delivery.entries import Answer, FailureKind, Request
from offhook.testing.network import arrival
from offhook.testing.simulated.faulty_store import Line
from offhook.testing.simulated.ledger import Ledger, Sending
from offhook.testing.simulated.moods import Fate, Mood, decide
from offhook.testing.simulated.virtual_time import Host

_REFUSED = Answer(418)


class Receivers:
    """What each endpoint is like now, and what it does with requests; what it took, it took, also
    when its sender is dead by then."""

    def __init__(self, ledger: Ledger, rnd: random.Random) -> None:
        self._ledger = ledger
        self._rnd = rnd
        self._world = Context()
        self.ever_ill: set[str] = set()
        """Endpoints that did not always take everything, quickly."""
        self.changed_s: dict[str, float] = {}
        """When each last began to behave in another way."""
        self._moods: dict[str, Mood] = {}
        self._steady_until_s: dict[str, float] = {}
        self.refused_keys: set[tuple[str, str]] = set()
        """By endpoint: keys of which it refuses every event alone."""

    def mood(self, name: str) -> Mood:
        """What the endpoint is like now."""
        return self._moods.get(name, Mood.FINE)

    def become(self, name: str, mood: Mood) -> None:
        """It is like this from now on."""
        if self._steady(name):
            return
        self._moods[name] = mood
        self.changed_s[name] = self._ledger.now_s()
        if mood is not Mood.FINE:
            self.ever_ill.add(name)

    def refuse_or_not(self, name: str, key: str) -> None:
        """It refuses every event of this key from now on, or no longer."""
        if self._steady(name):
            return
        self.refused_keys ^= {(name, key)}
        self.changed_s[name] = self._ledger.now_s()
        self.ever_ill.add(name)

    def refuse_alone(self, name: str, key: str, for_s: float) -> None:
        """It refuses every event of this key from now on and takes all else, for at least so long,
        whatever else would befall it."""
        self._moods.pop(name, None)
        self.refused_keys = {(of, it) for of, it in self.refused_keys if of != name} | {(name, key)}
        self.changed_s[name] = self._ledger.now_s()
        self._steady_until_s[name] = self._ledger.now_s() + for_s
        self.ever_ill.add(name)

    def _steady(self, name: str) -> bool:
        return self._steady_until_s.get(name, 0.0) > self._ledger.now_s()

    def get_well(self) -> None:
        """All of them take everything, quickly."""
        for name in {*self._moods, *(name for name, _ in self.refused_keys)}:
            self.changed_s[name] = self._ledger.now_s()
        self._moods.clear()
        self.refused_keys.clear()

    def take(self, sending: Sending) -> asyncio.Future[Answer]:
        """A request arrives; the future has its answer, if there ever is one."""
        fate = self._fate(sending)
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answer] = loop.create_future()

        def returns() -> None:
            if not answered.done():
                answered.set_result(fate.answer)

        def ends() -> None:
            if fate.accepted:
                self._ledger.accepted(sending)
            if fate.returns_s is not None:
                self._later(fate.returns_s, returns)

        self._later(fate.takes_s, ends)
        return answered

    def _fate(self, sending: Sending) -> Fate:
        fate = decide(self.mood(sending.endpoint), self._rnd)
        if fate.accepted and (sending.endpoint, sending.key) in self.refused_keys:
            return Fate(fate.takes_s, False, fate.returns_s, _REFUSED)
        return fate

    def _later(self, delay_s: float, callback: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(delay_s, callback, context=self._world)


class Way:
    """A ``Transport``: one process's way to the receivers."""

    def __init__(self, receivers: Receivers, ledger: Ledger, host: Host, line: Line) -> None:
        self._receivers = receivers
        self._line = line
        self._ledger = ledger
        self._host = host

    async def send(self, request: Request) -> Answer:
        """Send and wait for the answer, for as long as the request may take."""
        sending = self._ledger.began(self._host, request, arrival(request))
        taking = self._receivers.take(sending)
        try:
            answer = await asyncio.wait_for(taking, request.timeout_s)
        except TimeoutError:
            answer = Answer(None, FailureKind.TIMEOUT)
        except asyncio.CancelledError:
            self._ledger.given_up(sending)
            raise
        self._ledger.answered(sending, answer)
        await self._line.step()
        return answer

    async def close(self) -> None:
        """Nothing to close."""
