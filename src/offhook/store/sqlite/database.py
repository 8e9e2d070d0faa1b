"""The database of one process: a writer, a reader for the loop, and readers on threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from offhook.clock import Clock
from offhook.log.entries import Topic
from offhook.model.event import to_ms
from offhook.store.sqlite.connection import Connection, open_reader
from offhook.store.sqlite.writer import InlineWriter, Work, Writer

T = TypeVar("T")

_READERS = 2

Subscriber = Callable[[frozenset[Topic]], None]


class Database:
    """Where reads and writes go.

    A database in memory has one connection for all of them. One in a file has a connection that
    writes, one for short reads on the loop's own thread, where handing them to another would cost
    more than they do, and some on threads for the rest. One that is ``inline`` uses no threads at
    all: everything happens where it is asked.
    """

    def __init__(
        self, clock: Clock, path: Path | None, main: Connection, *, inline: bool = False
    ) -> None:
        self._clock = clock
        self._main = main
        self._subscribers: list[Subscriber] = []
        self._without_threads = inline
        self._writer = (InlineWriter if inline else Writer)(main, self._announce)
        self._inline = main if path is None else open_reader(path)
        pooled = [main] if path is None else [open_reader(path) for _ in range(_READERS)]
        self._threads = ThreadPoolExecutor(len(pooled), "offhook-reader")
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        for connection in pooled:
            self._idle.put(connection)

    def now_ms(self) -> int:
        """The store's clock, in Unix milliseconds."""
        return to_ms(self._clock.now())

    @property
    def clock(self) -> Clock:
        """The store's clock."""
        return self._clock

    async def write(self, work: Work[T], *, first: bool = False) -> T:
        """Do the work in a durable transaction, shared with whatever else waits."""
        return await self._writer.write(work, first=first)

    def read(self, work: Callable[[Connection], T]) -> T:
        """A short read that its index covers, here and now on the loop's thread."""
        with self._inline.lock:
            return work(self._inline)

    async def query(self, work: Callable[[Connection], T]) -> T:
        """A read that may take a while, on a thread."""
        if self._without_threads:
            return self.read(work)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._lend, work)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have it called on the loop, after each commit that changed something, with the topics."""
        self._subscribers.append(subscriber)

    async def close(self) -> None:
        """Do the writes that wait, then close everything."""
        if not self._without_threads:
            await asyncio.to_thread(self._writer.stop)
            await asyncio.to_thread(self._threads.shutdown)
        while not self._idle.empty():
            self._idle.get().close()
        self._inline.close()
        self._main.close()

    def _lend(self, work: Callable[[Connection], T]) -> T:
        connection = self._idle.get()
        try:
            with connection.lock:
                return work(connection)
        finally:
            self._idle.put(connection)

    def _announce(self, topics: frozenset[Topic]) -> None:
        for subscriber in self._subscribers:
            subscriber(topics)
