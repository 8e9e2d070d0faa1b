"""Calling a handler, whichever kind it is, for a bounded time."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable, iscoroutinefunction

import structlog

from offhook.receiver.event import Event
from offhook.receiver.masking import masked

_log = structlog.get_logger(__name__)

Handler = Callable[[Event], Awaitable[None] | None]
"""Takes an event. What it raises makes the attempt a failure. A plain function runs in a thread of
its own; a coroutine function runs on the receiver's event loop, which it must not hold up."""


Handlers = Mapping[str, Handler]
"""A handler for each type, such as ``call.ended``; ``call.*`` is for those of ``call`` that have
none of their own, ``*`` for all others. An event that has no handler is done with, and logged."""


class Caller:
    """Calls handlers. ``overdue`` is how many of their threads run on past their time."""

    def __init__(self, handler: Handler | Handlers, timeout_s: float) -> None:
        self._handlers = handler if isinstance(handler, Mapping) else {"*": handler}
        self._timeout_s = timeout_s
        self.overdue = 0

    async def call(self, event: Event) -> None:
        """Call the event's handler; raises what it raises, and ``TimeoutError`` after
        ``timeout_s``.

        A coroutine is cancelled then. A thread cannot be: it runs on, and what it does is done.
        """
        handler = handler_of(self._handlers, event.type)
        if handler is None:
            _log.info("event_without_handler", event_id=event.id, event_type=masked(event.type))
        elif _is_coroutine_function(handler):
            async with asyncio.timeout(self._timeout_s):
                await _finish(handler(event))
        else:
            await self._call_in_thread(handler, event)

    async def _call_in_thread(self, handler: Handler, event: Event) -> None:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[object] = loop.create_future()

        def run() -> None:
            try:
                result: object = handler(event)
            except Exception as error:  # noqa: BLE001 - raised again where it is awaited
                _tell(loop, ended, _bearable(error))
            except BaseException as error:  # noqa: BLE001 - it ends its thread, not the process
                _tell(loop, ended, RuntimeError(f"the handler raised {type(error).__name__}"))
            else:
                _tell(loop, ended, result)

        # A daemon: a handler that hangs must not keep the process from ending.
        threading.Thread(target=run, name="offhook-handler", daemon=True).start()
        try:
            async with asyncio.timeout(self._timeout_s):
                await _finish(await asyncio.shield(ended))
        except TimeoutError:
            if not ended.done():
                self.overdue += 1
                ended.add_done_callback(self._came_back)
            raise

    def _came_back(self, ended: asyncio.Future[object]) -> None:
        self.overdue -= 1
        if not ended.cancelled():
            ended.exception()  # it was given up long ago: nobody else reads how it ended


def handler_of(handlers: Handlers, type_: str) -> Handler | None:
    """The handler for events of this type, whatever it may be."""
    group = type_.partition(".")[0] + ".*"
    return handlers.get(type_) or handlers.get(group) or handlers.get("*")


def _is_coroutine_function(handler: Handler) -> bool:
    return iscoroutinefunction(handler) or iscoroutinefunction(type(handler).__call__)


def _bearable(error: Exception) -> Exception:
    """The error; another one in place of what no future can hold."""
    if isinstance(error, StopIteration):
        return RuntimeError("the handler raised StopIteration").with_traceback(error.__traceback__)
    return error


async def _finish(result: object) -> None:
    if isawaitable(result):
        await result


def _tell(loop: asyncio.AbstractEventLoop, ended: asyncio.Future[object], how: object) -> None:
    def tell() -> None:
        if ended.done():
            return
        if isinstance(how, BaseException):
            ended.set_exception(how)
        else:
            ended.set_result(how)

    if not loop.is_closed():
        loop.call_soon_threadsafe(tell)
