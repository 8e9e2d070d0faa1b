"""A network that follows a script: no sockets, every request seen, every answer decided."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from offhook.delivery.entries import Answer, Request

OK = Answer(200)

Script = Callable[[Request], Answer | Awaitable[Answer]]
"""Decides the answer to a request, at once or when it is ready to."""


class Arrival(msgspec.Struct, frozen=True):
    """A request that was accepted, as its receiver saw it."""

    url: str
    id: str
    type: str
    key: str
    sequence: int


class ScriptedNetwork:
    """A ``Transport``. ``accepted`` holds what was answered with 2xx, in the order of answers."""

    def __init__(self, script: Script = lambda _: OK) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.accepted: list[Arrival] = []

    async def send(self, request: Request) -> Answer:
        """Ask the script."""
        self.requests.append(request)
        answer = self.script(request)
        if not isinstance(answer, Answer):
            answer = await answer
        if answer.status is not None and 200 <= answer.status < 300:
            self.accepted.append(arrival(request))
        return answer

    async def close(self) -> None:
        """Nothing to close."""

    def sequences(self, key: str, url: str | None = None) -> list[int]:
        """The sequences of one key in the order of acceptance, at one endpoint or at all."""
        return [
            each.sequence
            for each in self.accepted
            if each.key == key and (url is None or each.url == url)
        ]


class Gate:
    """A script's brake: requests wait until it opens, then get the answer."""

    def __init__(self, answer: Answer = OK) -> None:
        self.answer = answer
        self.waiting = 0
        self._open = asyncio.Event()

    def open(self) -> None:
        """Let all through, from now on too."""
        self._open.set()

    async def __call__(self, _request: Request) -> Answer:
        """Wait for the gate."""
        self.waiting += 1
        await self._open.wait()
        return self.answer


class _Seen(msgspec.Struct):
    id: str
    type: str
    key: str
    sequence: int


def arrival(request: Request) -> Arrival:
    """What a receiver reads from the request's body."""
    seen = msgspec.json.decode(request.body, type=_Seen)
    return Arrival(request.url, seen.id, seen.type, seen.key, seen.sequence)
