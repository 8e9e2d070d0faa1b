"""Load: whole calls, told fact by fact by several clients at once."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from random import Random
from typing import Any

from server_process import Client

from offhook.testing.simulation import Centre, simulate_day

EVERY_CALL = {"include_historical": True}
"""Of an endpoint that is to get these calls: they were all over long ago."""

_CLIENTS = 5
_MIDNIGHT = datetime(2026, 7, 1, tzinfo=UTC)


class Load:
    """Clients that post whole calls, fact by fact, singly and in batches, until told to stop.

    Each waits for its answer before it goes on, then for ``pause_s`` on average, and sends again
    what was not answered; they speak through ``clients`` in turn. Two facts of three come with an
    id of their own.
    """

    def __init__(self, *clients: Client, pause_s: float = 0.02) -> None:
        self._clients = clients
        self._pause_s = pause_s
        self._stopping = False
        self._tasks = [asyncio.create_task(self._post(n)) for n in range(_CLIENTS)]
        self.acknowledged: dict[str, int] = {}
        self.answers = [0] * _CLIENTS
        """How many answers each client has had."""
        self.given: list[tuple[dict[str, Any], dict[str, Any]]] = []

    async def finish(self) -> None:
        """Let each client have the answer that it waits for."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def abort(self) -> None:
        """End at once, whatever is unanswered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _post(self, number: int) -> None:
        rnd = Random(number)
        items = self._items(number, rnd)
        client = self._clients[number % len(self._clients)]
        while not self._stopping:
            batch = list(islice(items, 1 if rnd.random() < 0.7 else rnd.randint(2, 15)))
            for item, answer in zip(batch, await _send(client, batch), strict=True):
                self._note(item, answer)
            self.answers[number] += 1
            await asyncio.sleep(rnd.uniform(0, 2 * self._pause_s))

    def _items(self, number: int, rnd: Random) -> Iterator[dict[str, Any]]:
        day = simulate_day(rnd, _MIDNIGHT, Centre(calls_per_day=20_000))
        for count, step in enumerate(day):
            own = {"id": f"own-{number}-{count}"} if count % 3 else {}
            yield {**step.body(), **own}

    def _note(self, item: dict[str, Any], answer: dict[str, Any]) -> None:
        assert answer["status"] in {200, 202}, answer
        self.acknowledged[answer["id"]] = answer["sequence"]
        if "id" in item and answer["id"] == item["id"]:
            self.given.append((item, answer))


async def _send(client: Client, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(batch) == 1:
        status, answer = await client.ask("POST", "/v1/events", batch[0])
        return [{"status": status, **answer}]
    status, answer = await client.ask("POST", "/v1/events/batch", {"items": batch})
    assert status == 200, answer
    items: list[dict[str, Any]] = answer["items"]
    return items
