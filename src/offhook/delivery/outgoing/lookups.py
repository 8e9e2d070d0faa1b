"""Look-ups of names, on threads: bounded, and those that hang take nothing from the others."""

import asyncio
import errno
import socket
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from offhook.clock import Clock

MOST_LATE = 64
MOST_UNPROVEN = 224
MOST = 256
_LATE_AFTER_S = 1.0
_PATIENCE_S = 1.0
_MOST_REMEMBERED = 10_000

Found: TypeAlias = Sequence[tuple[socket.AddressFamily, int, str]]
"""Family, protocol and address of each."""

Ask: TypeAlias = Callable[[str, int, socket.AddressFamily], Found]
"""Looks a name up and blocks meanwhile; ``OSError`` where it has no address."""


def ask_system(host: str, port: int, family: socket.AddressFamily) -> Found:
    """What the system's resolver says. What that is short of itself it reports as a name that does
    not resolve; here it is told from that by its ``errno``."""
    try:
        infos = socket.getaddrinfo(
            host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
    except OSError as error:
        socket.socket().close()  # raises what is short
        if error.errno == socket.EAI_MEMORY:
            raise OSError(errno.ENOMEM, "no memory for a look-up") from None
        raise
    except UnicodeError:
        raise OSError(f"{host!r} is no name") from None
    return [(found, proto, str(sockaddr[0])) for found, _, proto, _, sockaddr in infos]


class ThreadedLookups(AbstractResolver):
    """Each look-up has a thread of its own, a daemon: one that hangs does not hold up the end of
    the process. That several ask for one name at once, and do not wait for it to the end, is the
    connector's concern: it asks once.

    There are at most ``MOST``. Names that took longer than a second the last time have
    ``MOST_LATE`` of these between them, and with names never looked up before ``MOST_UNPROVEN``:
    the rest is left to names that are known to be answered quickly. Who finds no place within a
    second is turned away with ``EAGAIN``.
    """

    def __init__(self, *, clock: Clock, ask: Ask = ask_system) -> None:
        self._clock = clock
        self._ask = ask
        self._late = asyncio.Semaphore(MOST_LATE)
        self._unproven = asyncio.Semaphore(MOST_UNPROVEN)
        self._all = asyncio.Semaphore(MOST)
        self._waiting = set[tuple[str, int]]()
        self._was_late = OrderedDict[str, bool]()

    def waits(self, host: str, port: int) -> bool:
        """Whether the look-up of this name has not begun, for want of a place."""
        return (host, port) in self._waiting

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name; ``OSError`` where it has none."""
        async with self._place(host, port):
            begun_s = self._clock.monotonic()
            try:
                found = await _on_thread(lambda: self._ask(host, port, family))
            finally:
                self._remember(host, late=self._clock.monotonic() - begun_s > _LATE_AFTER_S)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=family,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for family, proto, address in found
        ]

    async def close(self) -> None:
        """Wait for nobody."""

    @asynccontextmanager
    async def _place(self, host: str, port: int) -> AsyncIterator[None]:
        async with AsyncExitStack() as held:
            self._waiting.add((host, port))
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    for bound in self._bounds(host):
                        await held.enter_async_context(bound)
            except TimeoutError:
                raise OSError(errno.EAGAIN, "too many look-ups hang") from None
            finally:
                self._waiting.discard((host, port))
            yield

    def _bounds(self, host: str) -> Sequence[asyncio.Semaphore]:
        match self._was_late.get(host):
            case True:
                return self._late, self._unproven, self._all
            case None:
                return self._unproven, self._all
            case False:
                return (self._all,)

    def _remember(self, host: str, *, late: bool) -> None:
        self._was_late[host] = late
        self._was_late.move_to_end(host)
        if len(self._was_late) > _MOST_REMEMBERED:
            self._was_late.popitem(last=False)


async def _on_thread(ask: Callable[[], Found]) -> Found:
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Found] = loop.create_future()

    def run() -> None:
        outcome: Found | Exception
        try:
            outcome = ask()
        except Exception as error:  # noqa: BLE001 - who waits is to hear of it, whatever it is
            outcome = error
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(_tell, answered, outcome)

    try:
        threading.Thread(target=run, name="dns", daemon=True).start()
    except RuntimeError:
        raise OSError(errno.EAGAIN, "no thread can be started") from None
    return await answered


def _tell(answered: asyncio.Future[Found], outcome: Found | Exception) -> None:
    if answered.done():
        return
    if isinstance(outcome, Exception):
        answered.set_exception(outcome)
    else:
        answered.set_result(outcome)
