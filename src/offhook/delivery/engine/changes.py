"""What was decided for one partition and is not written yet."""

from math import inf

from offhook.delivery.entries import (
    Announcement,
    AttemptRecord,
    Disabling,
    HeldRange,
    Lane,
    PartitionChanges,
    PendingRow,
    PendingState,
)
from offhook.delivery.replays.entries import ReplayProgress
from offhook.log.entries import Lease
from offhook.model.ids import WebhookId

_LIVE = frozenset({PendingState.RETRY, PendingState.WAITING})


class ChangeSet:
    """Gathers decisions until they are applied together.

    ``closing`` holds, per lane, the lowest position of the rows in here that close it: until they
    are stored, a look-up in the store does not show that the lane is closed. ``touched`` names the
    lanes whose rows change; ``released`` the deliveries (webhook, position) whose row in the store
    is out of date until this is applied, ``fresh`` those of the live path that it knows nothing of
    until then; ``replays`` say how far they are.
    """

    def __init__(self) -> None:
        self.attempts: list[AttemptRecord] = []
        self.closing: dict[Lane, int] = {}
        self.touched: set[Lane] = set()
        self.released: set[tuple[WebhookId, int]] = set()
        self.fresh: set[tuple[WebhookId, int]] = set()
        self.replays: tuple[ReplayProgress, ...] = ()
        self._settled: list[tuple[WebhookId, int]] = []
        self._rows: dict[tuple[WebhookId, int], PendingRow] = {}
        self._held: dict[WebhookId, HeldRange] = {}
        self._met: set[WebhookId] = set()
        self._disable: set[Disabling] = set()
        self._hurry: set[Lane] = set()
        self._requests: list[int] = []
        self._release: set[Lane] = set()
        self._announce: list[Announcement] = []

    def record(self, attempt: AttemptRecord) -> None:
        """An attempt was made."""
        self.attempts.append(attempt)

    def settle(self, lane: Lane, position: int) -> None:
        """The pending row of this delivery goes, and so does one that it was to get."""
        self._rows.pop((lane.webhook, position), None)
        self._settled.append((lane.webhook, position))
        self.touched.add(lane)

    def put(self, row: PendingRow) -> None:
        """This delivery gets a row, or another one."""
        self._rows[row.webhook, row.position] = row
        lane = row.own_lane
        self.touched.add(lane)
        if row.lane is not None and row.state in _LIVE:
            self.closing[lane] = min(row.position, self.closing.get(lane, row.position))

    def hold(self, held: HeldRange) -> None:
        """The endpoint's range begins here now."""
        self._met.discard(held.webhook)
        self._held[held.webhook] = held

    def meet(self, webhook: WebhookId) -> None:
        """The endpoint's range is done."""
        self._held.pop(webhook, None)
        self._met.add(webhook)

    def disable(self, disabling: Disabling) -> None:
        """The endpoint is to get nothing more."""
        self._disable.add(disabling)

    def hurry(self, lane: Lane) -> None:
        """The lane's head is due now."""
        self._hurry.add(lane)

    def release(self, lane: Lane) -> None:
        """The lane is let go unordered."""
        self._release.add(lane)
        self.touched.add(lane)

    def announce(self, announcement: Announcement) -> None:
        """This is to be told of."""
        self._announce.append(announcement)

    def carry_out(self, request: int) -> None:
        """This request is done with."""
        self._requests.append(request)

    @property
    def opens(self) -> bool:
        """Whether applying this may make a row due at once: the first that waits in its lane, or
        one that is let go as it was."""
        return (
            bool(self._settled or self._hurry or self._release)
            or any(row.state is not PendingState.RETRY for row in self._rows.values())
            or not self.released <= self._rows.keys()
        )

    def due_in_s(self, now_ms: int) -> float:
        """Seconds until a row may be due by this, once it is applied."""
        if self.opens:
            return 0.0
        due_ms = (row.due_ms for row in self._rows.values() if row.due_ms is not None)
        return max(0.0, (min(due_ms, default=inf) - now_ms) / 1000)

    def carries_out(self, request: int) -> bool:
        """Whether this request was done with here."""
        return request in self._requests

    @property
    def empty(self) -> bool:
        """Whether there is anything but perhaps a cursor to write."""
        return not (
            self.attempts
            or self.released
            or self._rows
            or self._settled
            or self._held
            or self._met
            or self._disable
            or self._release
            or self._announce
            or self._hurry
            or self._requests
            or self.replays
        )

    def freeze(self, lease: Lease, cursor: int) -> PartitionChanges:
        """All of it, as the store takes it."""
        return PartitionChanges(
            lease=lease,
            cursor=cursor,
            attempts=tuple(self.attempts),
            settled=tuple(self._settled),
            rows=tuple(self._rows.values()),
            held=tuple(self._held.values()),
            met=tuple(self._met),
            disable=tuple(sorted(self._disable)),
            hurry=tuple(self._hurry),
            requests=tuple(self._requests),
            release=tuple(self._release),
            announce=tuple(self._announce),
            replays=self.replays,
        )
