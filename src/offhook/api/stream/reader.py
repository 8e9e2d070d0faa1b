"""One client's way through the log: pages of the feed while it is behind, then the ring."""

import asyncio

from offhook.api.feed import place_after
from offhook.api.pages import FeedCursor, write_cursor
from offhook.api.stream import sse
from offhook.api.stream.follower import Follower, LogReplaced
from offhook.api.stream.interest import Interest
from offhook.api.stream.ring import Place, Ring
from offhook.log.ports import FeedStore

_PAGE = 32
_ENTRIES = 256
_CHUNK_BYTES = 64 << 10
"""What is sent at a time, give or take an event: as much as a client that takes nothing holds."""


class Reader:
    """Reads on from a place, in order per key: nothing is left out, and nothing comes twice.

    It holds no events, only its place. ``pages`` bounds how many readers of the process ask the
    feed at once, so that a thousand that come back together do not take the store from the rest.
    """

    def __init__(
        self,
        *,
        follower: Follower,
        ring: Ring,
        feed: FeedStore,
        interest: Interest,
        place: Place,
        pages: asyncio.Semaphore,
    ) -> None:
        self._follower = follower
        self._ring = ring
        self._feed = feed
        self._interest = interest
        self._pages = pages
        self._after = dict(place.after)
        self._at_ms = place.at_ms
        self._serial = place.serial

    @property
    def cursor(self) -> str:
        """The place up to which everything of interest was read."""
        return write_cursor(self._position)

    async def next(self, until_s: float) -> bytes:
        """The next events of interest as they are sent; empty if there were none in what was looked
        at, or until a time of the monotonic clock.

        Raises ``LogReplaced`` or ``CursorExpired`` when the log is another one now, and what the
        feed raises.
        """
        if not self._follower.holds_on_to(self._ring):
            raise LogReplaced
        serial = self._ring.entry_point(Place(self._after, self._at_ms, self._serial))
        if serial is None:
            return await self._read_page()
        self._serial = serial
        if serial == self._ring.end.serial:
            self._move_on(await self._follower.news(self._interest, until_s))
            return b""
        return self._walk()

    @property
    def _position(self) -> FeedCursor:
        return FeedCursor(self._feed.generation, self._after, self._at_ms)

    def _walk(self) -> bytes:
        """Look at some entries of the ring."""
        frames: list[bytes] = []
        size = 0
        for entry in self._ring.since(self._serial, _ENTRIES):
            event = entry.event
            self._serial += 1
            if event.position <= self._after.get(event.partition, 0):
                continue
            self._pass(event.partition, event.position, entry.at_ms)
            if self._interest.wants(event):
                frames.append(sse.frame(self.cursor, entry.body))
                size += len(entry.body)
                if size >= _CHUNK_BYTES:
                    break
        return b"".join(frames)

    async def _read_page(self) -> bytes:
        """Read a page of the feed. It sees all that the ring had seen when it was asked: with its
        last page, the reader stands at that place at least."""
        reached = self._ring.end
        async with self._pages:
            found = await self._feed.feed(
                self._interest.account, self._after, _PAGE, self._interest.filter
            )
        after = place_after(self._position, found)
        frames: list[bytes] = []
        size = 0
        for event in found.events:
            if size >= _CHUNK_BYTES:
                # What is left is read again: until this is taken, nothing is held for it.
                return b"".join(frames)
            self._pass(event.partition, event.position, min(event.created_ms, found.at_ms))
            frames.append(sse.frame(self.cursor, sse.body(event)))
            size += len(frames[-1])
        self._after, self._at_ms = after.after, after.at_ms
        if not found.more:
            self._move_on(Place(reached.after, reached.at_ms))
        return b"".join(frames)

    def _pass(self, partition: int, position: int, at_ms: int) -> None:
        self._after[partition] = position
        self._at_ms = max(self._at_ms, at_ms)

    def _move_on(self, place: Place) -> None:
        """Everything of interest up to there was read; in some partitions, maybe more."""
        for partition, position in place.after.items():
            self._after[partition] = max(position, self._after.get(partition, 0))
        self._at_ms = max(self._at_ms, place.at_ms)
        self._serial = max(place.serial, self._serial)
