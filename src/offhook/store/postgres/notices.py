"""Wake-ups between processes: a hint after commits, never the truth.

Announced from a connection of its own, after the commit and at most every 10 ms: inside an append,
NOTIFY would have all commits wait for one another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

import asyncpg
import msgspec
import structlog

from offhook.log.entries import Topic
from offhook.store.postgres.session import Session

_log = structlog.get_logger(__name__)

_BETWEEN_S = 0.01
_AGAIN_S = 0.5
_CHECK_S = 5.0
_ENDS_AT_ONCE = 200
"""PostgreSQL takes no more than 8,000 bytes at once."""


class Notice(msgspec.Struct, frozen=True, array_like=True):
    """What some commits changed: the topics, and where the partitions end that were appended to."""

    sender: str
    topics: tuple[Topic, ...]
    ends: dict[int, int]


Connect = Callable[[], "Awaitable[asyncpg.Connection]"]
_decode = msgspec.json.Decoder(Notice).decode
_encode = msgspec.json.Encoder().encode


class Notices:
    """Tells the others of this process's commits, and hears of theirs.

    ``ends`` is the last position known of each partition, from here or from there. While the
    connection is away ``hearing`` is false: then only reading tells.
    """

    def __init__(self, connect: Connect, channel: str, sender: str) -> None:
        self._connect = connect
        self._channel = channel
        self._sender = sender
        self._subscribers: list[Callable[[frozenset[Topic]], None]] = []
        self._topics: set[Topic] = set()
        self._unsaid: dict[int, int] = {}
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection | None = None
        self.ends: dict[int, int] = {}
        self.hearing = False

    async def start(self) -> None:
        """Begin to hear and tell: once this returns, nothing is missed but what a lost connection
        misses. Raises what connecting raises."""
        self._connection = await self._listen()
        self._task = asyncio.create_task(self._run(self._connection), name="notices")

    def subscribe(self, subscriber: Callable[[frozenset[Topic]], None]) -> None:
        """Have it called on the loop with the topics of each commit heard of."""
        self._subscribers.append(subscriber)

    def announce(self, topics: frozenset[Topic], ends: Mapping[int, int] | None = None) -> None:
        """This process committed: its own subscribers are told now, the others in a moment."""
        self._learn(ends or {})
        self._remember(topics, ends or {})
        self._tell(topics)

    async def close(self) -> None:
        """Say what is unsaid, then stop hearing."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._connection is not None:
            # The task may have ended before its first step.
            self._connection.terminate()
            self._connection = None

    async def _run(self, connection: "asyncpg.Connection | None") -> None:
        while True:
            try:
                if connection is None:
                    connection = await self._listen()
                    # What was said while nobody listened: look at everything once.
                    self._tell(frozenset(Topic))
                await self._converse(connection)
            except Exception as error:  # noqa: BLE001 - the connection is made anew, whatever it was
                _log.warning("notices_lost", error=repr(error))
            finally:
                self.hearing = False
            connection = None
            await asyncio.sleep(_AGAIN_S)

    async def _listen(self) -> "asyncpg.Connection":
        connection = await self._connect()
        try:
            connection.add_termination_listener(self._lost)
            async with asyncio.timeout(_CHECK_S):
                await connection.add_listener(self._channel, self._heard)
        except BaseException:
            connection.terminate()
            raise
        self.hearing = True
        return connection

    def _lost(self, _connection: object) -> None:
        """Nobody is heard any more; who waits for something to say finds out."""
        self.hearing = False
        self._something.set()

    async def _converse(self, connection: "asyncpg.Connection") -> None:
        try:
            while True:
                await self._something_to_say(connection)
                await asyncio.sleep(_BETWEEN_S)
        except asyncio.CancelledError:
            with suppress(Exception):
                async with asyncio.timeout(1.0):
                    await self._say(connection)
            raise
        finally:
            connection.terminate()

    async def _something_to_say(self, connection: "asyncpg.Connection") -> None:
        """Wait until there is, and say it; now and then make sure that the connection still is."""
        try:
            async with asyncio.timeout(_CHECK_S):
                await self._something.wait()
        except TimeoutError:
            async with asyncio.timeout(_CHECK_S):
                await Session(connection).row("ping")
            return
        async with asyncio.timeout(_CHECK_S):
            await self._say(connection)

    async def _say(self, connection: "asyncpg.Connection") -> None:
        if connection.is_closed():
            raise ConnectionResetError("the listening connection was lost")
        self._something.clear()
        unsaid = self._take()
        try:
            while unsaid:
                payload = _encode(unsaid[-1]).decode()
                await Session(connection).row("notify", channel=self._channel, payload=payload)
                unsaid.pop()
        except BaseException:
            # The last one was perhaps heard; said again, it costs the others a look.
            for notice in unsaid:
                self._remember(notice.topics, notice.ends)
            raise

    def _take(self) -> list[Notice]:
        """What is unsaid, in as many notices as it needs."""
        topics, ends = tuple(self._topics), list(self._unsaid.items())
        self._topics, self._unsaid = set(), {}
        if not topics:
            return []
        parts = range(0, max(len(ends), 1), _ENDS_AT_ONCE)
        return [
            Notice(self._sender, topics, dict(ends[part : part + _ENDS_AT_ONCE])) for part in parts
        ]

    def _remember(self, topics: Iterable[Topic], ends: Mapping[int, int]) -> None:
        for partition, position in ends.items():
            self._unsaid[partition] = max(position, self._unsaid.get(partition, 0))
        self._topics |= set(topics)
        self._something.set()

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        try:
            notice = _decode(str(payload))
        except msgspec.MsgspecError:
            # Of another release: it says at least that something happened.
            self._tell(frozenset(Topic))
            return
        if notice.sender != self._sender:
            self._learn(notice.ends)
            self._tell(frozenset(notice.topics))

    def _learn(self, ends: Mapping[int, int]) -> None:
        for partition, position in ends.items():
            self.ends[partition] = max(position, self.ends.get(partition, 0))

    def _tell(self, topics: frozenset[Topic]) -> None:
        for subscriber in self._subscribers:
            subscriber(topics)
