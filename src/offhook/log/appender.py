"""The one way into the log: requests hand in facts and wait until they are durable."""

import asyncio
from collections.abc import Sequence
from itertools import count

from offhook.log.batching import BatchBounds, Batcher, Ticket
from offhook.log.entries import AppendOutcome, Fold, Submission
from offhook.log.placing import partition_for
from offhook.log.ports import LogStore
from offhook.model.errors import Overloaded

_BOUNDS = BatchBounds()


class Appender:
    """A request that got its outcomes back survives any crash.

    Where appends to different partitions do not wait for each other (``LogStore.lanes``), each lane
    writes batches of its own; facts of one key are always of one lane, and stay in order.
    """

    def __init__(
        self,
        *,
        store: LogStore,
        fold: Fold,
        bounds: BatchBounds = _BOUNDS,
        waiting_events: int = 20_000,
        waiting_bytes: int = 64 << 20,
    ) -> None:
        self._partitions = store.partitions
        self._waiting_events = waiting_events
        self._waiting_bytes = waiting_bytes
        self._lanes = [Batcher(store, fold, bounds) for _ in range(store.lanes)]
        self._spare = count()
        self._stopping = False

    @property
    def waiting(self) -> int:
        """How many facts wait to be written."""
        return sum(lane.events for lane in self._lanes)

    async def submit(self, submissions: Sequence[Submission]) -> list[AppendOutcome]:
        """Write the facts durably; outcomes are in their order.

        Raises ``Overloaded`` without having taken anything when too much waits already. When it
        raises anything else, facts of this request may have been written: with an id of the
        caller's own, sending them again is safe.
        """
        if not submissions:
            return []
        self._admit(submissions)
        if len(self._lanes) == 1:
            return await self._lanes[0].put(submissions).done
        if len(submissions) == 1:
            return await self._lanes[self._lane_of(submissions[0])].put(submissions).done
        return await self._submit_to_several(submissions)

    def start(self) -> None:
        """Begin to write."""
        for number, lane in enumerate(self._lanes):
            lane.start(f"appender-{number}")

    async def stop(self) -> None:
        """Take nothing more, write what waits, and end."""
        self._stopping = True
        await asyncio.gather(*(lane.stop() for lane in self._lanes))

    async def run_once(self) -> int:
        """Write one batch of what waits in each lane; returns how many facts they held."""
        return sum([await lane.run_once() for lane in self._lanes])

    async def _submit_to_several(self, submissions: Sequence[Submission]) -> list[AppendOutcome]:
        places: dict[int, list[int]] = {}
        for place, submission in enumerate(submissions):
            places.setdefault(self._lane_of(submission), []).append(place)
        tickets = {
            lane: self._lanes[lane].put([submissions[place] for place in there])
            for lane, there in places.items()
        }
        await asyncio.wait([ticket.done for ticket in tickets.values()])
        return _in_order(len(submissions), [(places[lane], it) for lane, it in tickets.items()])

    def _lane_of(self, submission: Submission) -> int:
        partition = partition_for(submission, self._partitions, next(self._spare))
        return partition % len(self._lanes)

    def _admit(self, submissions: Sequence[Submission]) -> None:
        if self._stopping:
            raise Overloaded("The server is stopping; send the request again in a moment.")
        waiting = self.waiting
        size = sum(lane.bytes for lane in self._lanes) + sum(fact.size for fact in submissions)
        if waiting and (
            waiting + len(submissions) > self._waiting_events or size > self._waiting_bytes
        ):
            raise Overloaded(
                f"{waiting} events wait to be written; send the request again in a moment."
            )


def _in_order(length: int, answered: Sequence[tuple[Sequence[int], Ticket]]) -> list[AppendOutcome]:
    """The outcomes of several tickets, each at its facts' places; raises what one of them failed
    with."""
    outcomes: dict[int, AppendOutcome] = {}
    errors = [error for _, ticket in answered if (error := ticket.done.exception()) is not None]
    if errors:
        raise errors[0]
    for places, ticket in answered:
        outcomes.update(zip(places, ticket.done.result(), strict=True))
    return [outcomes[place] for place in range(length)]
