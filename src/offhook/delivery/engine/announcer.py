"""Handing over what was announced: from its rows into the log, an event like any other there."""

import hashlib
from collections.abc import Callable, Collection

import structlog

from offhook.delivery.entries import Announcement
from offhook.delivery.ports import AnnouncementStore
from offhook.log.appender import Appender
from offhook.log.entries import Refused, Submission
from offhook.model.fact import PlainFact
from offhook.model.ids import EventId

_log = structlog.get_logger(__name__)

_AT_ONCE = 500
_WAIT_S = 0.5


class Announcer:
    """Takes the announcements of the partitions that this process delivers from.

    Two processes may hand over the same one, and a process that dies may have handed it over: the
    log knows it by its id, and has it once. One that the log refuses is given up, and says so in
    the process's own log: it would be refused again, and stand in the way of those behind it.
    """

    name = "announcer"

    def __init__(
        self,
        *,
        store: AnnouncementStore,
        appender: Appender,
        partitions: Callable[[], Collection[int]],
    ) -> None:
        self._store = store
        self._appender = appender
        self._partitions = partitions

    async def run_once(self) -> float:
        """Hand over what is there; returns the seconds until it is to be looked at again."""
        found = await self._store.announcements(tuple(self._partitions()), _AT_ONCE)
        if not found:
            return _WAIT_S
        outcomes = await self._appender.submit([_submission(it) for _, it in found])
        for (_, announcement), outcome in zip(found, outcomes, strict=True):
            if isinstance(outcome, Refused):
                _tell_refused(announcement, outcome)
        await self._store.announced([number for number, _ in found])
        return 0.0 if len(found) >= _AT_ONCE else _WAIT_S

    def recover(self) -> None:
        """Nothing is kept in memory."""

    async def stop(self) -> None:
        """Nothing is under way between steps; what was not handed over stands in its row."""


def _tell_refused(announcement: Announcement, outcome: Refused) -> None:
    _log.error(
        "announcement_refused",
        type=announcement.type,
        of=announcement.key,
        id=announcement.event_id,
        error=repr(outcome.error),
    )


def _submission(announcement: Announcement) -> Submission:
    name = hashlib.blake2b(announcement.event_id.encode(), digest_size=12).hexdigest()
    return Submission(
        announcement.account,
        announcement.key,
        PlainFact(announcement.type, announcement.key, announcement.data, None),
        size=len(announcement.data),
        test=announcement.test,
        given_id=EventId(f"evt_about_{name}"),
        digest=hashlib.blake2b(announcement.data, digest_size=16).digest(),
    )
