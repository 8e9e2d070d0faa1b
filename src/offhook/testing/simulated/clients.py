"""Those who post: each tries until it has its answer, with ids of its own."""

import asyncio
import random
from collections.abc import Iterable, Mapping

import msgspec

from offhook.log.entries import Appended, AppendOutcome, Repeated, Submission, Unchanged
from offhook.log.submit import read_submission
from offhook.model.errors import OffhookError
from offhook.model.ids import DEFAULT_ACCOUNT, EventId
from offhook.testing.simulated.plan import KEYS, TYPES
from offhook.testing.simulated.world import World

_PATIENCE_S = 5.0
_PAUSE_S = 0.5
_LISTS: tuple[object, ...] = (["vip"], [7], [], ["7", None], "vip", {}, None, [[7]])
"""What stands where an event may name its contact's lists: whatever callers write there."""

_CALL_STEPS = ("call.ringing", "call.answered", "call.ended")


class Clients:
    """Posts events; ``acknowledged`` are the events that somebody was told are kept."""

    def __init__(self, world: World, rnd: random.Random) -> None:
        self._world = world
        self._rnd = rnd
        self._posted = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.acknowledged: set[EventId] = set()

    @property
    def waiting(self) -> bool:
        """Whether somebody has no answer yet."""
        return bool(self._tasks)

    def post(self, count: int) -> None:
        """Post so many events in one request."""
        self._send([self._event(self._rnd.choice(KEYS)) for _ in range(count)])

    def post_of(self, keys: Iterable[str]) -> None:
        """Post an event of each of these keys in one request."""
        self._send([self._event(key) for key in keys])

    def call(self) -> None:
        """Post a call, step by step, each when the one before was acknowledged."""
        self._posted += 1
        steps = _CALL_STEPS[: self._rnd.randint(1, 3)]
        number = f"c{self._posted}"
        self._send(*([self._step(number, step)] for step in steps))

    def _event(self, key: str) -> Submission:
        self._posted += 1
        posted = {
            "id": f"post-{self._posted}",
            "type": self._rnd.choice(TYPES),
            "key": key,
            "data": {"number": self._posted, "contact_list_ids": self._rnd.choice(_LISTS)},
        }
        return _read(posted, test=self._rnd.random() < 0.05 and key == "h")

    def _step(self, number: str, step: str) -> Submission:
        return _read(
            {
                "id": f"{number}-{step[5:]}",
                "type": step,
                "data": {"source": "pbx", "external_id": number, "caller_id": "+12025550123"},
            },
            test=False,
        )

    def _send(self, *requests: list[Submission]) -> None:
        task = asyncio.create_task(self._send_all(requests))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_all(self, requests: tuple[list[Submission], ...]) -> None:
        for request in requests:
            outcomes: list[AppendOutcome] | None = None
            while outcomes is None:
                outcomes = await self._try(request)
            self._note(outcomes)

    async def _try(self, request: list[Submission]) -> list[AppendOutcome] | None:
        up = self._world.up
        if not up:
            await asyncio.sleep(_PAUSE_S)
            return None
        try:
            process = self._rnd.choice(up)
            return await asyncio.wait_for(process.appender.submit(request), _PATIENCE_S)
        except (OffhookError, TimeoutError):
            await asyncio.sleep(_PAUSE_S)
            return None

    def _note(self, outcomes: list[AppendOutcome]) -> None:
        for outcome in outcomes:
            match outcome:
                case Appended(event):
                    self.acknowledged.add(event.id)
                case Unchanged(event):
                    self.acknowledged.add(event.id)
                case Repeated(event):
                    self.acknowledged.add(event.id)
                case _:
                    self._world.promises.breaks(f"a post was answered with {outcome}")


def _read(posted: Mapping[str, object], *, test: bool) -> Submission:
    size = len(msgspec.json.encode(posted))
    return read_submission(posted, account=DEFAULT_ACCOUNT, test=test, size=size)
