"""Durable timers: what falls due is handed to the appender as a fact, which also clears it."""

from offhook.clock import Clock
from offhook.log.appender import Appender
from offhook.log.entries import DueTimer, Refused, Submission
from offhook.log.ports import TimerStore
from offhook.model.event import to_ms
from offhook.model.fact import CallFact, FactKind
from offhook.model.ids import CallId

_AT_ONCE = 500
_LONGEST_WAIT_S = 1.0


class Timers:
    """Fires due timers. A timer that fires twice says nothing new: its fact folds to no change."""

    name = "timers"

    def __init__(self, *, store: TimerStore, appender: Appender, clock: Clock) -> None:
        self._store = store
        self._appender = appender
        self._clock = clock

    async def run_once(self) -> float:
        """Fire what is due; returns the seconds until the next is, at most one."""
        due = await self._store.due_timers(_AT_ONCE)
        outcomes = await self._appender.submit([_fact(timer) for timer in due])
        if any(isinstance(outcome, Refused) for outcome in outcomes):
            # It stays due: without a pause it would be tried in a circle.
            return _LONGEST_WAIT_S
        if len(due) == _AT_ONCE:
            return 0.0
        next_ms = await self._store.next_timer_ms()
        if next_ms is None:
            return _LONGEST_WAIT_S
        return min(max((next_ms - to_ms(self._clock.now())) / 1000, 0.01), _LONGEST_WAIT_S)

    def recover(self) -> None:
        """Nothing is kept in memory."""

    async def stop(self) -> None:
        """Nothing is under way between steps."""


def _fact(timer: DueTimer) -> Submission:
    fact = CallFact(CallId(timer.key), FactKind(timer.kind.value), None, {})
    return Submission(timer.account, timer.key, fact, size=64)
