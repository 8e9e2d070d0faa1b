"""Counting attempts: gathered in memory, and added to the store every second."""

import asyncio
from collections import Counter

import structlog

from offhook.clock import Clock
from offhook.delivery.engine.sending import Sent
from offhook.delivery.stats.figures import KEPT_MINUTES, MINUTE_MS, Cell, cell_of
from offhook.delivery.stats.ports import StatsStore
from offhook.model.event import to_ms

_log = structlog.get_logger(__name__)

EVERY_S = 1.0
_FORGET_EVERY_S = 600.0
_FORGET_AT_ONCE = 5_000
_LAST_WRITE_S = 1.0


class StatsReporter:
    """A service. What it gathered and did not write is lost with the process: a second at most."""

    name = "stats"

    def __init__(self, *, store: StatsStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._cells: Counter[Cell] = Counter()
        self._forgot_s = float("-inf")

    def note(self, sent: Sent) -> None:
        """An attempt came back."""
        answer = sent.answer
        webhook = sent.delivery.webhook
        self._cells[cell_of(webhook, sent.started_ms, answer.status, answer.duration_ms)] += 1

    async def run_once(self) -> float:
        """Add what was gathered; now and then, take away what is too old."""
        await self._write()
        now_s = self._clock.monotonic()
        if now_s >= self._forgot_s + _FORGET_EVERY_S:
            minute = to_ms(self._clock.now()) // MINUTE_MS
            gone = await self._store.forget_attempts(minute - KEPT_MINUTES, _FORGET_AT_ONCE)
            if gone < _FORGET_AT_ONCE:
                self._forgot_s = now_s
        return EVERY_S

    def recover(self) -> None:
        """What was not written is still here."""

    async def stop(self) -> None:
        """Add what is left, if the store takes it soon."""
        try:
            async with asyncio.timeout(_LAST_WRITE_S):
                await self._write()
        except Exception as error:  # noqa: BLE001 - the process ends; only counts are lost
            _log.warning("stats_not_written", error=repr(error))

    async def _write(self) -> None:
        if not self._cells:
            return
        cells, self._cells = self._cells, Counter()
        try:
            await self._store.add_attempts(cells)
        except BaseException:
            self._cells.update(cells)
            raise
