"""The one follower of the log in a process, which all clients of the stream stand behind."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from offhook.api.stream.interest import Interest, Subject, types_by_subject
from offhook.api.stream.ring import Entry, Place, Ring, merged
from offhook.clock import Clock
from offhook.log.entries import LogSlice, Topic
from offhook.log.ports import LogStore

_LOOK_S = 1.0
_BETWEEN_S = 0.01
_IDLE_S = 60.0
_AT_ONCE = 500
_BYTES = 1 << 20
_FIRST_SERIAL = 1


class LogReplaced(Exception):
    """The log ends before what was read of it: it was restored from an older backup."""


@dataclass(frozen=True, slots=True, eq=False)
class _Listener:
    """A client that waits at the end of the ring, at most until ``until_s``."""

    interest: Interest
    until_s: float
    told: "asyncio.Future[Place]"


class Follower:
    """Tails all partitions into the ring while anybody listens, and wakes whom the news concern.

    ``wake`` has ``run_once`` called soon. Otherwise it looks once a second by itself; while events
    come all the time, at most every 10 ms, so that clients get several at a time. The ring
    holds as many events, and as many bytes of data, give or take what one look brings.
    """

    name = "stream"

    def __init__(
        self,
        *,
        log: LogStore,
        clock: Clock,
        wake: Callable[[], None],
        ring_events: int = 8_192,
        ring_bytes: int = 8 << 20,
    ) -> None:
        self._log = log
        self._clock = clock
        self._wake = wake
        self._ring_events = ring_events
        self._ring_bytes = ring_bytes
        self._followed = 0
        self._ring: Ring | None = None
        self._doubted = False
        self._listeners: defaultdict[Subject, set[_Listener]] = defaultdict(set)
        self._rest_until_s = 0.0
        self._asked: list[asyncio.Future[Ring]] = []

    @contextmanager
    def followed(self) -> Iterator[None]:
        """While inside, the log is followed."""
        self._followed += 1
        self._wake()
        try:
            yield
        finally:
            self._followed -= 1

    def committed(self, topics: frozenset[Topic]) -> None:
        """Somebody committed something."""
        if self._followed and Topic.EVENTS in topics:
            self._wake()

    async def caught_up(self) -> Ring:
        """The ring after a step that began after this was asked. Raises what the store raised."""
        asked: asyncio.Future[Ring] = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        self._wake()
        return await asked

    async def news(self, interest: Interest, until_s: float) -> Place:
        """Wait at the end of the ring for events of interest, until a time of the monotonic clock;
        returns the place up to which there was none. Raises ``LogReplaced``."""
        listener = _Listener(interest, until_s, asyncio.get_running_loop().create_future())
        self._listeners[interest.subject].add(listener)
        try:
            return await listener.told
        finally:
            self._forget(listener)

    def holds_on_to(self, ring: Ring) -> bool:
        """Whether the ring is still that of the log."""
        return ring is self._ring

    async def gave(self, after: Mapping[int, int], ring: Ring) -> bool:
        """Whether this log has come as far as these positions."""
        beyond = {at: last for at, last in after.items() if last > ring.end.after.get(at, 0)}
        return all([last <= await self._log.head(at) for at, last in beyond.items()])

    async def run_once(self) -> float:
        """Read what was appended; returns in how many seconds to look again at the latest."""
        if not self._followed:
            self._ring = None
            return _IDLE_S
        self._remind()
        await asyncio.sleep(self._rest_until_s - asyncio.get_running_loop().time())
        asked, self._asked = self._asked, []
        try:
            ring, more = await self._follow()
        except Exception as error:
            for each in _waiting(asked):
                each.set_exception(error)
            raise
        for each in _waiting(asked):
            each.set_result(ring)
        return 0.0 if more else _LOOK_S

    def recover(self) -> None:
        """Keep the ring, for what was committed never changes, unless the log turns out to end
        before it."""
        self._doubted = True

    async def stop(self) -> None:
        """Nothing is under way between steps."""

    def _remind(self) -> None:
        """Wake those who waited long enough."""
        now_s = self._clock.monotonic()
        if self._ring is not None:
            waiting = chain.from_iterable(self._listeners.values())
            _tell([each for each in waiting if each.until_s <= now_s], self._ring.end)

    async def _follow(self) -> tuple[Ring, bool]:
        ring = await self._checked()
        after = ring.end.after
        slices = [
            await self._log.read(at, after[at], _AT_ONCE, _BYTES)
            for at in range(self._log.partitions)
        ]
        unread_from = [it.events[-1].created_ms for it in slices if _is_full(it)]
        entries = merged(slices, min(unread_from, default=None))
        if entries:
            self._publish(ring, entries)
        if entries and not unread_from:
            self._rest_until_s = asyncio.get_running_loop().time() + _BETWEEN_S
        return ring, bool(unread_from)

    async def _checked(self) -> Ring:
        """The ring that belongs to the log as it is now; a new one if there is none."""
        if self._ring is not None and self._doubted:
            after = self._ring.end.after
            heads = [await self._log.head(at) for at in range(self._log.partitions)]
            if any(head < after[at] for at, head in enumerate(heads)):
                self._drop()
        self._doubted = False
        if self._ring is None:
            self._ring = await self._at_the_end()
        return self._ring

    async def _at_the_end(self) -> Ring:
        """An empty ring at the end of the log. The newest events tell how far in time that is."""
        after: dict[int, int] = {}
        at_ms = 0
        for partition in range(self._log.partitions):
            head = after[partition] = await self._log.head(partition)
            newest = await self._log.read(partition, max(head - 1, 0), 1, 1)
            at_ms = max(at_ms, *(event.created_ms for event in newest.events), 0)
        end = Place(after, at_ms, _FIRST_SERIAL)
        return Ring(end, most_events=self._ring_events, most_bytes=self._ring_bytes)

    def _drop(self) -> None:
        self._ring = None
        for listener in chain.from_iterable(self._listeners.values()):
            if not listener.told.done():
                listener.told.set_exception(LogReplaced())

    def _publish(self, ring: Ring, entries: Sequence[Entry]) -> None:
        before = ring.end
        ring.extend(entries)
        for subject, types in types_by_subject(entry.event for entry in entries).items():
            concerned = self._listeners.get(subject, ())
            _tell([each for each in concerned if each.interest.takes_any(types)], before)

    def _forget(self, listener: _Listener) -> None:
        waiting = self._listeners[listener.interest.subject]
        waiting.discard(listener)
        if not waiting:
            del self._listeners[listener.interest.subject]


def _tell(listeners: Iterable[_Listener], place: Place) -> None:
    for listener in listeners:
        if not listener.told.done():
            listener.told.set_result(place)


def _waiting(asked: Sequence["asyncio.Future[Ring]"]) -> list["asyncio.Future[Ring]"]:
    """Those that were not given up."""
    return [each for each in asked if not each.done()]


def _is_full(slice_: LogSlice) -> bool:
    """Whether there may be more where this came from."""
    return len(slice_.events) >= _AT_ONCE or sum(len(it.data) for it in slice_.events) >= _BYTES
