"""Durable timers: what falls due is handed to the appender as a fact, which also clears it."""

import structlog

from offhook.clock import Clock
from offhook.log.appender import Appender
from offhook.log.entries import DueTimer, Refused, Submission
from offhook.log.leasing import LEASE_S, LeaseHolder
from offhook.log.ports import LeaseStore, TimerStore
from offhook.model.event import to_ms
from offhook.model.fact import CallFact, FactKind
from offhook.model.ids import CallId

_log = structlog.get_logger(__name__)

CONSUMER = "timers"
_AT_ONCE = 500
_LONGEST_WAIT_S = 1.0


class Timers:
    """Fires due timers of the partitions that this process holds. A timer that fires twice says
    nothing new: its fact folds to no change."""

    name = "timers"

    def __init__(
        self,
        *,
        store: TimerStore,
        leases: LeaseStore,
        appender: Appender,
        clock: Clock,
        owner: str,
        lease_s: float = LEASE_S,
    ) -> None:
        self._store = store
        self._appender = appender
        self._clock = clock
        self._leases = LeaseHolder(
            store=leases, clock=clock, consumer=CONSUMER, owner=owner, ttl_s=lease_s
        )

    async def run_once(self) -> float:
        """Fire what is due; returns the seconds until the next is, at most one."""
        await self._keep_leases()
        if not self._leases.valid():
            return _LONGEST_WAIT_S
        return min(await self._fire(), self._leases.due_in_s())

    def hasten(self) -> None:
        """Somebody came, went or gave a lease back: look at the leases now."""
        self._leases.hasten()

    def recover(self) -> None:
        """Nothing but the leases is kept in memory, and those run out by themselves."""

    async def stop(self) -> None:
        """Nothing is under way between steps; give the leases back."""
        try:
            await self._leases.leave()
        except Exception as error:  # noqa: BLE001 - they run out by themselves
            _log.warning("leases_not_released", consumer=CONSUMER, error=repr(error))

    async def _keep_leases(self) -> None:
        if self._leases.due_in_s() > 0:
            return
        change = await self._leases.beat()
        await self._leases.give_back(change.surplus)

    async def _fire(self) -> float:
        partitions = self._leases.partitions
        due = await self._store.due_timers(partitions, _AT_ONCE)
        outcomes = await self._appender.submit([_fact(timer) for timer in due])
        if any(isinstance(outcome, Refused) for outcome in outcomes):
            # It stays due: without a pause it would be tried in a circle.
            return _LONGEST_WAIT_S
        if len(due) == _AT_ONCE:
            return 0.0
        next_ms = await self._store.next_timer_ms(partitions)
        if next_ms is None:
            return _LONGEST_WAIT_S
        return min(max((next_ms - to_ms(self._clock.now())) / 1000, 0.01), _LONGEST_WAIT_S)


def _fact(timer: DueTimer) -> Submission:
    fact = CallFact(CallId(timer.key), FactKind(timer.kind.value), None, {})
    return Submission(timer.account, timer.key, fact, size=64)
