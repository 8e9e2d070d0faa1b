"""The shared runner: services do work in ``run_once``; this waits, watches and stops them."""

import asyncio
import contextlib
from typing import Protocol

import structlog

_log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


class Service(Protocol):
    """Something that works in small steps."""

    @property
    def name(self) -> str:
        """What logs and metrics call it."""
        ...

    async def run_once(self) -> float:
        """Do what there is to do; returns in how many seconds to be called again at the latest."""
        ...

    def recover(self) -> None:
        """Drop what is only in memory, after ``run_once`` raised: the store is the truth."""
        ...

    async def stop(self) -> None:
        """Finish or hand over what is under way."""
        ...


class Runner:
    """Runs one service until stopped. ``wake`` is a hint that there is work; time is the truth."""

    def __init__(self, service: Service, wake: asyncio.Event) -> None:
        self._service = service
        self._wake = wake
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The service's name."""
        return self._service.name

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to run."""
        self._task = asyncio.create_task(self._run(), name=self._service.name)

    async def stop(self) -> None:
        """Let the current step end, then stop the service."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
            self._task = None
        await self._service.stop()

    async def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping:
            self._wake.clear()
            try:
                wait_s = await self._service.run_once()
                pause_s = _FIRST_PAUSE_S
            except Exception as error:  # noqa: BLE001 - a service outlives a broken store
                _log.exception("service_failed", service=self._service.name, error=repr(error))
                self._service.recover()
                wait_s, pause_s = pause_s, min(pause_s * 2, _LONGEST_PAUSE_S)
            if wait_s > 0 and not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), wait_s)
            else:
                await asyncio.sleep(0)
