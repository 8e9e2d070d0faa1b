"""Replays in one partition, as its owner sees them: bounded ranges beside the live path."""

from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from math import inf

from msgspec.structs import replace

from offhook.delivery.queueing.progress import Progress
from offhook.delivery.queueing.queues import Delivery
from offhook.delivery.replays.entries import ReplayProgress, ReplayRange
from offhook.model.ids import ReplayId, WebhookId


class Outcome(Enum):
    """What became of a delivery that a replay sent."""

    ACCEPTED = auto()
    GIVEN_UP = auto()
    KEPT = auto()
    """A row of its own stands for it: it waits for its next attempt, or behind an earlier one."""


class RunningReplay:
    """A replay in one partition.

    ``progress`` is of the positions that were looked at closely; ``found`` are those after it that
    may be to be sent, up to ``scanned_to``. ``kept`` says whether rows may wait for it, the first
    of which is due at ``due_s``; ``tried`` are those that probed in vain out of their time. What is
    found is not looked at before ``again_s``, on the monotonic clock.
    """

    def __init__(self, stored: ReplayRange) -> None:
        self.job = stored.job
        self.to_position = stored.to_position
        self.ranges = stored.ranges
        self.canceled = stored.canceled
        self.progress = Progress(stored.position)
        self.counts = stored.counts
        self.found: deque[int] = deque()
        self.scanned_to = stored.position
        self.kept = True
        self.due_s = -inf
        self.again_s = -inf
        self.tried: set[int] = set()
        self.under_way = 0
        self.ended = False
        self._fresh = self._applying = False
        self._stored = ReplayProgress(
            stored.job.id, stored.job.webhook, stored.position, stored.counts
        )

    @property
    def read(self) -> bool:
        """Whether there is nothing more to look at."""
        return self.canceled or (not self.found and self.scanned_to >= self.to_position)

    @property
    def unwritten(self) -> bool:
        """Whether what became of some of it is on its way to the store."""
        return self._fresh or self._applying

    @property
    def clear(self) -> bool:
        """Whether the store knows what became of all that was read."""
        return self.read and not self.under_way and not self.unwritten

    @property
    def settled(self) -> bool:
        """Whether nothing is left of it."""
        return self.read and not self.under_way and (self.canceled or not self.kept)

    def scanned(self, positions: Iterable[int], through: int) -> None:
        """These may be to be sent, of all up to ``through``."""
        self.found.extend(positions)
        self.scanned_to = through
        self._look_on()

    def looked_at(self, position: int) -> None:
        """It was decided what becomes of the next position that was found."""
        self.found.popleft()
        self.progress.read(position)
        self._look_on()

    def hurried(self) -> None:
        """One that is pending was hurried."""
        self.counts = replace(self.counts, hurried=self.counts.hurried + 1)

    def note(self, outcome: Outcome, *, first: bool) -> None:
        """What became of a delivery; ``first`` where no row had waited for this replay."""
        counts = self.counts
        self.counts = replace(
            counts,
            matched=counts.matched + first,
            accepted=counts.accepted + (outcome is Outcome.ACCEPTED),
            failed=counts.failed + (outcome is Outcome.GIVEN_UP),
        )
        self._fresh = True
        if outcome is Outcome.KEPT:
            self.kept = True

    def freeze(self, *, places: bool) -> ReplayProgress | None:
        """What is to be written of it now, or ``None``; with ``places`` also where it stands."""
        self._applying, self._fresh = self._fresh, False
        moves = places or self.settled
        position = self.progress.done_to() if moves else self._stored.position
        if self.settled and self.canceled:
            self.counts = replace(self.counts, failed=self.counts.matched - self.counts.accepted)
        now = ReplayProgress(
            self.job.id,
            self.job.webhook,
            position,
            self.counts,
            done=self.settled,
            abandon=self.canceled,
        )
        if now == self._stored:
            return None
        self._stored = now
        self.ended = now.done
        return now

    def applied(self, due_s: float) -> None:
        """What was frozen is in the store; a row may be due from ``due_s`` on."""
        self._applying = False
        self.due_s = min(self.due_s, due_s)

    def _look_on(self) -> None:
        if not self.found:
            self.progress.read(self.scanned_to)


class Replays:
    """All of a partition's. ``looked`` once the store was asked which there are."""

    def __init__(self) -> None:
        self._running: dict[ReplayId, RunningReplay] = {}
        self.looked = False

    def __iter__(self) -> Iterator[RunningReplay]:
        return iter(list(self._running.values()))

    def sync(self, stored: Iterable[ReplayRange]) -> None:
        """These are open in the store; the oldest job comes first."""
        found = {row.job.id: row for row in stored}
        for gone in self._running.keys() - found.keys():
            del self._running[gone]
        for id_, row in found.items():
            running = self._running.setdefault(id_, RunningReplay(row))
            running.canceled, running.ranges = row.canceled, row.ranges
        self.looked = True

    def reading(self) -> list[RunningReplay]:
        """Those that there is something to read or to send for."""
        oldest = self._oldest().values()
        return [it for it in self if not it.canceled and (it.kept or it in oldest)]

    def is_reading(self, running: RunningReplay) -> bool:
        """Whether it reads on: of each endpoint only the oldest that is not through does, so that
        two never take on the same delivery."""
        return not running.read and self._oldest()[running.job.webhook] is running

    def _oldest(self) -> dict[WebhookId, RunningReplay]:
        oldest: dict[WebhookId, RunningReplay] = {}
        for running in self._running.values():
            if not running.clear:
                oldest.setdefault(running.job.webhook, running)
        return oldest

    def is_over(self, replay: ReplayId) -> bool:
        """Whether nothing more is to be tried for it."""
        running = self._running.get(replay)
        return running is None or running.canceled

    def begun(self, delivery: Delivery) -> None:
        """It is under way now."""
        running = self._of(delivery)
        if running is not None:
            running.under_way += 1

    def ended(self, delivery: Delivery) -> None:
        """It is no longer under way."""
        running = self._of(delivery)
        if running is not None:
            running.under_way -= 1

    def note(self, delivery: Delivery, outcome: Outcome) -> None:
        """What became of a delivery, if it is a replay's."""
        running = self._of(delivery)
        if running is not None:
            running.note(outcome, first=not delivery.pending)

    def freeze(self, *, places: bool) -> tuple[ReplayProgress, ...]:
        """What is to be written of them now."""
        frozen = [running.freeze(places=places) for running in self._running.values()]
        return tuple(progress for progress in frozen if progress is not None)

    def applied(self, *, due_s: float) -> None:
        """What was frozen is in the store; a row may be due from ``due_s`` on, on the monotonic
        clock."""
        for id_, running in list(self._running.items()):
            if running.ended:
                del self._running[id_]
            else:
                running.applied(due_s)

    def _of(self, delivery: Delivery) -> RunningReplay | None:
        return None if delivery.replay is None else self._running.get(delivery.replay)
