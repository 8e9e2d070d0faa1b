"""What is old goes, in small pieces, beside all else."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from offhook.log.entries import Blocked, Trimmed
from offhook.log.ports import RetentionStore
from offhook.model.errors import Unavailable

_log = structlog.get_logger(__name__)

_FIRST_S = 60.0
_BETWEEN_S = 0.01
_WHILE_BUSY_S = 0.25
_SOON_S = 60.0
_AGAIN_S = 3600.0
_DAY_MS = 86_400_000

Step = Callable[[], Awaitable[Trimmed]]


@dataclass(frozen=True, slots=True)
class Ages:
    """How many days each kind is kept; 0 is for ever. Replays are kept as long as attempts, which
    name them."""

    events_days: int
    attempts_days: int
    given_up_days: int


class Retention:
    """A service of every engine: whichever comes first takes away what is due, the others find it
    done.

    The first step waits a minute, so that whoever reads the log has said so. While ``busy``, that
    is while appends wait to be written, there is a longer pause after each piece. ``on_blocked``
    is told after each round for how many seconds something should have been gone that a reader of
    the log still needs: 0 where nothing is kept from going.
    """

    name = "retention"

    def __init__(
        self,
        *,
        store: RetentionStore,
        ages: Ages,
        busy: Callable[[], bool],
        on_blocked: Callable[[float], None],
    ) -> None:
        self._steps = _steps(store, ages)
        self._busy = busy
        self._on_blocked = on_blocked
        self._started = False
        self._next = 0
        self._blocked_s = 0.0
        self._delayed = False

    async def run_once(self) -> float:
        """Take away one piece; returns the seconds until the next is to be looked for."""
        if not self._started:
            self._started = True
            return _FIRST_S
        if not await self._more():
            self._next += 1
        if self._next < len(self._steps):
            return _WHILE_BUSY_S if self._busy() else _BETWEEN_S
        return self._end_round()

    def recover(self) -> None:
        """What is left undone is found by the next round."""
        self._next = 0

    async def stop(self) -> None:
        """Nothing is under way between steps."""

    async def _more(self) -> bool:
        """Whether the step at hand has more to take at once. What the store cannot do now does not
        keep the steps after it from being done."""
        try:
            trimmed = await self._steps[self._next]()
        except Unavailable as error:
            _log.warning("retention_delayed", error=error.detail)
            self._delayed = True
            return False
        if trimmed.blocked is not None:
            self._note(trimmed.blocked)
        return trimmed.more

    def _note(self, blocked: Blocked) -> None:
        overdue_s = blocked.overdue_ms / 1000
        self._blocked_s = max(self._blocked_s, overdue_s)
        _log.warning(
            "retention_blocked", by=blocked.by, partition=blocked.partition, overdue_s=overdue_s
        )

    def _end_round(self) -> float:
        self._on_blocked(self._blocked_s)
        wait_s = _SOON_S if self._delayed else _AGAIN_S
        self._next, self._blocked_s, self._delayed = 0, 0.0, False
        return wait_s


def _steps(store: RetentionStore, ages: Ages) -> Sequence[Step]:
    """Events that were kept for rows are let go before rows are: a row that is asked back in the
    very moment in which it goes still finds its event."""
    aged = (
        (store.trim_events, ages.events_days),
        (store.trim_attempts, ages.attempts_days),
        (store.trim_given_up, ages.given_up_days),
        (store.trim_replays, ages.attempts_days),
    )
    now = (store.release_events, store.trim_deleted)
    return [*now, *(_after(trim, days) for trim, days in aged if days)]


def _after(trim: Callable[[int], Awaitable[Trimmed]], days: int) -> Step:
    return lambda: trim(days * _DAY_MS)
