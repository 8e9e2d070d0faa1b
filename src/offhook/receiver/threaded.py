"""The receiver for frameworks without an event loop: it runs on one in a thread of its own."""

import asyncio
import atexit
import os
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Final

import structlog

from offhook.model.errors import Overloaded
from offhook.receiver.answers import Answer
from offhook.receiver.masking import told
from offhook.receiver.receiving import Receiver
from offhook.signing import SignedRequest

_START_WITHIN_S: Final = 3.0
_ANSWER_WITHIN_S: Final = 15.0

_log = structlog.get_logger(__name__)


class ThreadedReceiver:
    """Runs a receiver in a thread of this process, and answers from any other.

    It starts with the first request, or by ``start``: call that where a process begins to serve, so
    that what an earlier one left is handled at once. A thread does not survive a fork: start it in
    the processes that serve, not in the one that makes them. It stops with the interpreter, or by
    ``stop``.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self._starting = threading.Lock()
        self._running: _Running | None = None

    def start(self) -> None:
        """Run, unless it does. Raises what opening the queue raises."""
        self._started()

    def stop(self) -> None:
        """Let running handlers finish, write what they did, and end the thread."""
        with self._starting:
            running, self._running = self._running, None
            atexit.unregister(self.stop)
        if running is not None and running.pid == os.getpid():
            running.stop()

    def _started(self) -> "_Running":
        if not self._starting.acquire(timeout=_START_WITHIN_S):
            raise Overloaded("The receiver is starting; try again in a second.")
        try:
            if self._running is None:
                running = _Running(self.receiver)
                running.start()
                self._running = running
                atexit.register(self.stop)
            elif self._running.pid != os.getpid():
                raise RuntimeError("it was started before the process forked; start it in each")
            return self._running
        finally:
            self._starting.release()

    def receive(self, request: SignedRequest) -> Answer:
        """Verify a request, keep its event durably, and say what to answer. Never raises."""
        try:
            return self._started().receive(request)
        except Overloaded as error:
            return self.receiver.refuse(error)
        except Exception as error:  # noqa: BLE001 - whatever opening the queue raises
            _log.error("receiver_not_started", error=told(error))
            return self.receiver.refuse(Overloaded("The event cannot be stored now; try again."))


class _Running:
    """The thread and its loop."""

    def __init__(self, receiver: Receiver) -> None:
        self.pid = os.getpid()
        self._receiver = receiver
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event
        self._started: Future[None] = Future()
        # A daemon, for the interpreter waits for others before it says that it ends.
        self._thread = threading.Thread(target=self._run, name="offhook-receiver", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def receive(self, request: SignedRequest) -> Answer:
        asked = asyncio.run_coroutine_threadsafe(self._receiver.receive(request), self._loop)
        try:
            return asked.result(_ANSWER_WITHIN_S)
        except FutureTimeoutError:
            asked.cancel()
            raise Overloaded("The event could not be stored in time; try again.") from None

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that starts it
            if self._started.done():
                _log.error("receiver_ended", error=told(error))
            else:
                self._started.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        async with self._receiver.running():
            self._started.set_result(None)
            await self._stopping.wait()
