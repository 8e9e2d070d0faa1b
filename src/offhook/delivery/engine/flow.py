"""One partition as its owner sees it: how far it is, who fell behind, which lanes are closed."""

from collections import Counter
from collections.abc import Collection
from math import inf

from offhook.delivery.engine.caution import Caution
from offhook.delivery.engine.changes import ChangeSet
from offhook.delivery.entries import (
    ApplyReport,
    HeldRange,
    Lane,
    PartitionChanges,
    PendingRow,
    PendingState,
    is_live_lane,
)
from offhook.delivery.queueing.progress import LivePath, Progress, Range
from offhook.delivery.queueing.queues import Delivery
from offhook.delivery.replays.ranges import Outcome, Replays
from offhook.delivery.subscriptions import Endpoint, Subscriptions
from offhook.log.entries import Lease
from offhook.model.ids import WebhookId

CLOSED_LANES_BOUND = 1_000


class PartitionFlow:
    """The memory of a partition's owner, and what it decided since it last wrote."""

    def __init__(
        self,
        lease: Lease,
        *,
        held: Collection[HeldRange] = (),
        lane_counts: dict[WebhookId, int] | None = None,
        settled: Collection[tuple[WebhookId, int]] = (),
    ) -> None:
        self.lease = lease
        self.live = Progress(lease.cursor)
        self._old_to = lease.cursor
        self.ranges = {row.webhook: _resumed(row, lease.cursor) for row in held}
        self.look_at_s = -inf
        """When rows that are due are to be looked for again, on the monotonic clock."""
        self.caution: Caution | None = None
        self.busy: set[tuple[WebhookId, int]] = set()
        """Pending rows, and what replays send, that are under way, or whose outcome is not in the
        store yet."""
        self.changes = ChangeSet()
        self.applying = False
        """Whether changes of this flow are on their way to the store."""
        self.leaves_by_s: float | None = None
        """When the partition is given back at the latest, on the monotonic clock; ``None``: it is
        to stay. Nothing more is read or begun once it is to go."""
        self.replays = Replays()
        self._settled = set(settled)
        self._ahead: set[tuple[WebhookId, int]] = set()
        self._probing: dict[WebhookId, int] = {}
        self._resume_to = _highest(settled)
        self._lanes: Counter[WebhookId] = Counter(lane_counts or {})
        self._applying = ChangeSet()
        self._stored_cursor = lease.cursor
        self._subscriptions = Subscriptions(-1, ())
        self._sending: set[tuple[WebhookId, int]] = set()
        self._parting: set[tuple[WebhookId, int]] = set()

    @property
    def partition(self) -> int:
        """The partition's number."""
        return self.lease.partition

    def was_settled(self, webhook: WebhookId, position: int) -> bool:
        """Whether the owner before had this accepted, or left a row; asked once per delivery."""
        if not self._settled:
            return False
        found = (webhook, position) in self._settled
        self._settled.discard((webhook, position))
        self._ahead.discard((webhook, position))
        return found

    def is_settled(self, webhook: WebhookId, position: int) -> bool:
        """As ``was_settled``, without counting as having asked."""
        return (webhook, position) in self._settled

    def take_ahead(self, webhook: WebhookId, position: int) -> None:
        """It is seen to out of turn: once the range comes to it, it is passed over."""
        self._settled.add((webhook, position))
        self._ahead.add((webhook, position))
        # Its row waits until the range is read up to it, however many lanes are closed.
        self._resume_to[webhook] = max(position, self._resume_to.get(webhook, 0))

    def is_over(self, webhook: WebhookId, position: int) -> bool:
        """Whether it is settled, by the owner before or out of turn, and not to be tried again as
        what was taken ahead may be."""
        key = webhook, position
        return key in self._settled and key not in self._ahead

    def probing(self, webhook: WebhookId) -> bool:
        """Whether something that was taken ahead is under way: its range alone vouches for it, and
        is not to be read past it."""
        return webhook in self._probing

    def behind(self, webhook: WebhookId) -> bool:
        """Whether the endpoint is fed from its range rather than live."""
        held = self.ranges.get(webhook)
        return held is not None and not held.met

    def read_to(self, webhook: WebhookId) -> int:
        """The last position that was looked at for this endpoint. A row above it may have come
        from the owner before, with earlier ones of its lane not read again yet."""
        held = self.ranges.get(webhook)
        return self.live.read_to if held is None or held.met else held.progress.read_to

    def live_path(self, webhook: WebhookId, position: int) -> LivePath:
        """Where a delivery stands beyond what the store knows. It looks at this endpoint alone:
        the cursor stands behind whoever is the slowest."""
        key = (webhook, position)
        unwritten = key in self.changes.fresh or key in self._applying.fresh
        if unwritten or key in self._parting or key in self.busy:
            return LivePath.ENDING
        ahead = key in self._sending or position > self.read_to(webhook)
        return LivePath.AHEAD if ahead else LivePath.PASSED

    def lanes_bound_reached(self, webhook: WebhookId) -> bool:
        """Whether so many lanes are closed that reading on would only fill ``pending``. Not as long
        as rows of the owner before wait to be read up to."""
        return self._lanes[webhook] >= CLOSED_LANES_BOUND and self.read_to(
            webhook
        ) >= self._resume_to.get(webhook, 0)

    def may_be_closed(self, webhook: WebhookId) -> bool:
        """Whether any lane of this endpoint is closed at all."""
        return self._lanes[webhook] > 0

    def with_closed_lanes(self) -> list[WebhookId]:
        """The endpoints that have a closed lane."""
        return [webhook for webhook, lanes in self._lanes.items() if lanes > 0]

    def recount(self, lane_counts: dict[WebhookId, int]) -> None:
        """How many lanes of each endpoint the store has closed; no apply may be under way."""
        self._lanes = Counter(lane_counts)

    def closing(self, lane: Lane) -> bool:
        """Whether rows that close the lane are on their way to the store."""
        return lane in self.changes.closing or lane in self._applying.closing

    def overtakes(self, lane: Lane, position: int) -> bool:
        """Whether rows on their way to the store stand before this one in its lane."""
        return any(
            changes.closing.get(lane, position) < position
            for changes in (self.changes, self._applying)
        )

    def comes_too_soon(self, row: PendingRow) -> bool:
        """Whether earlier ones of its lane may have no row of their own in the store yet."""
        if row.lane is None:
            return False
        unread = row.position > self.read_to(row.webhook)
        return unread or self.overtakes(row.own_lane, row.position)

    def probes_too_soon(self, row: PendingRow, revision: int) -> bool:
        """The same of an endpoint at this revision that is not read on for. What was taken ahead
        was the first of its lane, and so is what the search for such went past without leaving
        anything earlier."""
        if row.lane is None or self.overtakes(row.own_lane, row.position):
            return row.lane is not None
        ahead = (row.webhook, row.position) in self._ahead
        if ahead or row.position <= self.read_to(row.webhook):
            return False
        held = self.ranges.get(row.webhook)
        return held is None or not held.search.vouches_for(row.lane, row.position, revision)

    def begin(self, delivery: Delivery) -> None:
        """It is under way now."""
        key = delivery.webhook, delivery.event.position
        if delivery.reader is not None:
            delivery.reader.open(delivery.event.position)
            if key in self._ahead:
                self._probing[key[0]] = key[1]
        if _is_live(delivery):
            self._sending.add(key)
        else:
            self.busy.add(key)
        self.replays.begun(delivery)

    def let_go(self, delivery: Delivery) -> None:
        """It is no longer under way: settled, or a row of its own stands for it."""
        key = delivery.webhook, delivery.event.position
        if delivery.reader is not None:
            delivery.reader.settle(delivery.event.position)
        if self._probing.get(key[0]) == key[1]:
            del self._probing[key[0]]
        if _is_live(delivery):
            self._end(*key)
        else:
            self.changes.released.add(key)
        self.replays.ended(delivery)

    def accept(self, delivery: Delivery) -> None:
        """The endpoint took it. What a replay read may have a row that was given up."""
        self.let_go(delivery)
        self._ahead.discard((delivery.webhook, delivery.event.position))
        self.replays.note(delivery, Outcome.ACCEPTED)
        if delivery.pending or delivery.replay is not None:
            lane = Lane(delivery.webhook, delivery.lane)
            self.changes.settle(lane, delivery.event.position)

    def wait_behind(self, delivery: Delivery) -> None:
        """A row of its own, behind the earlier ones of its lane."""
        self.replays.note(delivery, Outcome.KEPT)
        if delivery.replay is None:
            self._end(delivery.webhook, delivery.event.position)
        self.changes.put(_row(delivery, PendingState.WAITING, lane=delivery.lane))

    def retry(
        self,
        delivery: Delivery,
        endpoint: Endpoint,
        due_ms: int,
        reason: str,
        *,
        tried: bool = True,
    ) -> None:
        """A row of its own, due later; it closes the lane where the endpoint keeps order. If it
        was not ``tried``, no attempt is counted."""
        self.let_go(delivery)
        self.replays.note(delivery, Outcome.KEPT)
        lane = delivery.lane if endpoint.ordered and not delivery.unordered else None
        attempts = delivery.attempts + tried
        row = _row(delivery, PendingState.RETRY, lane, attempts, due_ms, reason)
        self.changes.put(row)

    def put_back(self, delivery: Delivery, endpoint: Endpoint, due_ms: int, reason: str) -> None:
        """It was not tried, and is not to wait in memory: a row of its own, due at once. One that
        came from a row stays there as it was."""
        self.let_go(delivery)
        if not delivery.pending:
            self.replays.note(delivery, Outcome.KEPT)
            lane = delivery.lane if endpoint.ordered else None
            row = _row(delivery, PendingState.RETRY, lane, delivery.attempts, due_ms, reason)
            self.changes.put(row)

    def park(
        self,
        delivery: Delivery,
        endpoint: Endpoint,
        state: PendingState,
        why: str,
        attempts: int,
    ) -> None:
        """A row of its own for good: failed or canceled. The lane goes on."""
        self.let_go(delivery)
        self._ahead.discard((delivery.webhook, delivery.event.position))
        self.replays.note(delivery, Outcome.GIVEN_UP)
        lane = delivery.lane if endpoint.ordered and delivery.pending else None
        self.changes.put(_row(delivery, state, lane, attempts, None, why))

    def cancel(self, delivery: Delivery, why: str) -> None:
        """A row that says why it was never tried."""
        self.let_go(delivery)
        self.changes.put(_row(delivery, PendingState.CANCELED, None, delivery.attempts, None, why))

    def hold(self, webhook: WebhookId, from_position: int) -> None:
        """The endpoint leaves the live path at this position."""
        held = self.ranges.get(webhook)
        if held is None:
            held = self._begin_range(webhook, from_position)
        held.progress.read(from_position - 1)
        held.met = False

    @property
    def pinned(self) -> bool:
        """Whether something old is under way live. An owner that is cautious has reason to wait."""
        return self.caution is None and self.live.done_to() < self._old_to

    def age(self) -> None:
        """What was read until now is old from now on."""
        self._old_to = self.live.read_to

    def is_old(self, position: int) -> bool:
        """Whether it was read before the last call of ``age``."""
        return position <= self._old_to

    def go_by(self, subscriptions: Subscriptions) -> None:
        """Who gets what is read from here on. The ranges that the store may have ended since the
        last ones are written again before the cursor passes anything more."""
        before, self._subscriptions = self._subscriptions, subscriptions
        if before is subscriptions:
            return
        for webhook, held in self.ranges.items():
            if not _is_as_it_was(webhook, before, subscriptions):
                held.stored_from = 0

    def detach(self, webhook: WebhookId, deliveries: Collection[Delivery]) -> None:
        """The endpoint's range vouches for these live ones from now on; else they stay as they
        are."""
        positions = [delivery.event.position for delivery in deliveries]
        held = self.ranges.get(webhook)
        if held is None:
            held = self._begin_range(webhook, min(positions))
            held.met = True
        held.progress.adopt(positions)
        for delivery in deliveries:
            self.live.settle(delivery.event.position)
            delivery.reader = held.progress

    def part_with(self, webhook: WebhookId) -> None:
        """The endpoint is gone, and what waited for it canceled."""
        self._parting |= {key for key in self._sending if key[0] == webhook}

    def end_range(self, webhook: WebhookId) -> None:
        """The range is done, or the endpoint gone."""
        if self.ranges.pop(webhook, None) is not None:
            self.changes.meet(webhook)

    @property
    def clean(self) -> bool:
        """Whether nothing waits to be written but perhaps where the cursor stands."""
        return self.changes.empty

    @property
    def written(self) -> bool:
        """Whether the store knows all that was decided, and where the cursor stands."""
        return self.clean and not self.applying and self.live.done_to() == self._stored_cursor

    def freeze(self, *, places: bool) -> PartitionChanges | None:
        """What is to be written now, or ``None``; from here on it counts as being applied.

        With ``places`` also where the cursor and the ranges stand. They are not worth a row each
        time: a new owner skips what is recorded as accepted, and passes what nobody wants just as
        fast; and of a row that changes all the time, all versions stay while somebody else's long
        transaction may look at them. Only that the cursor moved at all is told at once: owners that
        die before it does are taken to die of what it stands at.
        """
        self._end_met_ranges()
        moves = places or self._stored_cursor == self.lease.cursor
        if moves:
            # A range that goes back to the cursor of the owner before is to be stored with the
            # first step of the cursor: what lies between would be nobody's.
            self._move_ranges()
        self.changes.replays = self.replays.freeze(places=places)
        cursor = self.live.done_to() if moves else self._stored_cursor
        if self.changes.empty and (cursor == self._stored_cursor or not places):
            return None
        frozen = self.changes.freeze(self.lease, cursor)
        self._applying, self.applying = self.changes, True
        self._stored_cursor = cursor
        self.changes = ChangeSet()
        return frozen

    def applied(self, report: ApplyReport, *, now_ms: int, now_s: float) -> None:
        """The frozen changes are in the store. ``now_s`` is monotonic."""
        applied, self._applying, self.applying = self._applying, ChangeSet(), False
        due_s = now_s + applied.due_in_s(now_ms)
        self.look_at_s = min(self.look_at_s, due_s)
        self.replays.applied(due_s=due_s)
        self.busy -= applied.released
        closed, opened = report.closed & applied.touched, report.opened & applied.touched
        self._lanes.update(lane.webhook for lane in closed if is_live_lane(lane))
        self._lanes.subtract(lane.webhook for lane in opened if is_live_lane(lane))

    def carries_out(self, request: int) -> bool:
        """Whether this request was done with, as the store may not know yet."""
        return self.changes.carries_out(request) or self._applying.carries_out(request)

    def _end(self, webhook: WebhookId, position: int) -> None:
        self._sending.discard((webhook, position))
        self._parting.discard((webhook, position))
        self.changes.fresh.add((webhook, position))

    def _begin_range(self, webhook: WebhookId, from_position: int) -> Range:
        held = self.ranges[webhook] = Range(from_position)
        self.changes.hold(HeldRange(webhook, self.partition, from_position))
        return held

    def _end_met_ranges(self) -> None:
        for webhook, held in list(self.ranges.items()):
            if held.met and held.progress.idle:
                self.end_range(webhook)

    def _move_ranges(self) -> None:
        for webhook, held in self.ranges.items():
            from_position = held.progress.done_to() + 1
            if from_position != held.stored_from:
                held.stored_from = from_position
                self.changes.hold(HeldRange(webhook, self.partition, from_position))


def _resumed(row: HeldRange, cursor: int) -> Range:
    """The range of the owner before. What that one still had in memory between the cursor and the
    range is read with the range, so that nothing of it is overtaken."""
    held = Range(min(row.from_position, cursor + 1))
    held.stored_from = row.from_position
    return held


def _is_as_it_was(webhook: WebhookId, before: Subscriptions, now: Subscriptions) -> bool:
    """Whether nobody changed the endpoint meanwhile. One that was disabled, which ends its ranges
    in the store, and enabled again at once differs in nothing but its revision; of one that cannot
    be loaded not even that is known."""
    was, current = before.endpoints.get(webhook), now.endpoints.get(webhook)
    return was is not None and current is not None and was.revision == current.revision


def _highest(settled: Collection[tuple[WebhookId, int]]) -> dict[WebhookId, int]:
    highest: dict[WebhookId, int] = {}
    for webhook, position in settled:
        highest[webhook] = max(position, highest.get(webhook, 0))
    return highest


def _is_live(delivery: Delivery) -> bool:
    """Whether it was read to be sent for the first time."""
    return delivery.reader is not None and delivery.replay is None


def _row(
    delivery: Delivery,
    state: PendingState,
    lane: str | None,
    attempts: int | None = None,
    due_ms: int | None = None,
    reason: str | None = None,
) -> PendingRow:
    event = delivery.event
    return PendingRow(
        webhook=delivery.webhook,
        partition=event.partition,
        position=event.position,
        account=event.account,
        event_id=event.id,
        event_type=event.type,
        key=event.key,
        lane=lane,
        state=state,
        number=delivery.attempts if attempts is None else attempts,
        due_ms=due_ms,
        since_ms=delivery.since_ms,
        failed_ms=delivery.failed_ms,
        late=delivery.late,
        replay=delivery.replay,
        reason=reason,
    )
