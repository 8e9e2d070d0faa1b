"""All that happened, as the log, the network and the store saw it: what promises are checked by."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offhook.delivery.entries import (
    Answer,
    ApplyReport,
    AttemptRecord,
    Disabling,
    Lane,
    PartitionChanges,
    PendingRow,
    PendingState,
    Request,
)
from offhook.delivery.replays.entries import ReplayJob
from offhook.delivery.replays.steps import CANCELED
from offhook.log.entries import Lease, LeaseShare
from offhook.model.event import LogEvent
from offhook.model.ids import EventId, ReplayId, WebhookId
from offhook.testing.network import Arrival
from offhook.testing.simulated.subscriptions import Subscription
from offhook.testing.simulated.trace import Trace
from offhook.testing.simulated.virtual_time import Host

Delivery = tuple[str, EventId]
"""An endpoint's name and an event."""

_PARKED = frozenset({PendingState.FAILED, PendingState.CANCELED})


@dataclass(slots=True, eq=False)
class Sending:
    """A request as the network saw it; times in virtual seconds, ``None`` until it is so."""

    host: Host
    endpoint: str
    event: LogEvent
    request: Request
    number: int
    late: bool
    replay: ReplayId | None
    epoch: int
    began_s: float
    accepted_s: float | None = None
    ended_s: float | None = None
    answer: Answer | None = None
    owned: bool = False
    """Whether its sender had the lease under which it began when it heard the answer."""

    @property
    def key(self) -> str:
        """The event's key."""
        return self.event.key

    @property
    def delivery(self) -> Delivery:
        """What it is an attempt of."""
        return self.endpoint, self.event.id

    @property
    def open(self) -> bool:
        """Whether its sender waits for the answer."""
        return self.ended_s is None

    @property
    def told_accepted(self) -> bool:
        """Whether its sender knows that it was accepted."""
        answer = self.answer
        return answer is not None and answer.status is not None and 200 <= answer.status < 300

    def __str__(self) -> str:
        event = self.event
        again = "" if self.replay is None else f" of {self.replay}"
        return f"{self.endpoint} {event.key}#{event.sequence} attempt {self.number}{again}"


@dataclass(slots=True)
class Holding:
    """Who holds a partition's lease, and until when by the store's clock."""

    owner: str
    epoch: int
    until_s: float


class Ledger:
    """Gathers facts, and calls ``on_began``, ``on_accepted`` and so on as they come."""

    def __init__(self, trace: Trace, now_s: Callable[[], float]) -> None:
        self.trace = trace
        self.now_s = now_s
        self.events: dict[EventId, LogEvent] = {}
        self.head = 0
        """The last position of the log."""
        self.subscriptions: dict[str, Subscription] = {}
        self.sendings: dict[Delivery, list[Sending]] = defaultdict(list)
        self.open: dict[str, list[Sending]] = defaultdict(list)
        self.began_s: dict[str, list[float]] = defaultdict(list)
        self.accepted_first: dict[Delivery, float] = {}
        self.heard_accepted_s: dict[tuple[str, str], list[float]] = defaultdict(list)
        """By process and endpoint, when it heard that something was accepted."""
        self.shared_until_s: dict[tuple[str, str], float] = {}
        """By process and endpoint, until when its share of the endpoint's bounds lasts."""
        self.let_go: set[Delivery] = set()
        """What stood in a lane that was let go, past ``max_hold_s``."""
        self._loose: set[Lane] = set()
        self.holdings: dict[int, Holding] = {}
        self.cursors: Counter[int] = Counter()  # as the store knows them
        self.rows: dict[tuple[WebhookId, EventId], PendingRow] = {}
        self.parked: dict[Delivery, str] = {}
        """Deliveries that were ever given up or canceled, and why the last time."""
        self.records: dict[Delivery, list[AttemptRecord]] = defaultdict(list)
        self.recorded_accepted: set[Delivery] = set()
        self.replays: dict[ReplayId, ReplayJob] = {}
        self.accepted_by: Counter[ReplayId] = Counter()
        """How many deliveries are recorded as accepted that a replay sent."""
        self.canceled: set[ReplayId] = set()
        """Replays that nothing more is tried for: their owner stopped them, or their endpoint."""
        self.failed: Counter[Delivery] = Counter()
        """How often each was given up, but for what is of a canceled replay."""
        self.disabled_by_us: Counter[str] = Counter()
        """How often the engine disabled each endpoint."""
        self.asked: dict[tuple[str, str], set[EventId]] = defaultdict(set)
        """By endpoint and key, the events that somebody asked to retry."""
        self._places: dict[tuple[int, int], EventId] = {}
        self.on_began: Callable[[Sending], None] = lambda _: None
        self.on_accepted: Callable[[Sending, bool], None] = lambda _sending, _first: None
        self.on_answered: Callable[[Sending], None] = lambda _: None
        self.on_recorded_failure: Callable[[Sending], None] = lambda _: None

    def appended(self, event: LogEvent) -> None:
        """An event stands in the log, in its partition."""
        self.events[event.id] = event
        self.head = event.position
        self._places[event.partition, event.position] = event.id
        self.trace.tell(f"appended {event.key}#{event.sequence} {event.type} at {event.position}")

    def began(self, host: Host, request: Request, seen: Arrival) -> Sending:
        """A request left a process."""
        event = self.events[EventId(seen.id)]
        holding = self.holdings[event.partition]
        sending = Sending(
            host,
            seen.url.removeprefix("https://").partition(".")[0],
            event,
            request,
            int(request.headers["webhook-attempt"]),
            request.headers.get("webhook-late") == "1",
            _replay(request),
            holding.epoch if holding.owner == host.name else -1,
            self.now_s(),
        )
        self.trace.tell(f"{host.name} sends {sending}{' late' if sending.late else ''}")
        self.on_began(sending)
        self.sendings[sending.delivery].append(sending)
        self.open[sending.endpoint].append(sending)
        self.began_s[sending.endpoint].append(sending.began_s)
        return sending

    def accepted(self, sending: Sending) -> None:
        """Its endpoint took it, whoever still knows of that."""
        sending.accepted_s = self.now_s()
        first = sending.delivery not in self.accepted_first
        self.trace.tell(f"{sending} is accepted{'' if first else ' again'}")
        self.on_accepted(sending, first)
        self.accepted_first.setdefault(sending.delivery, sending.accepted_s)

    def answered(self, sending: Sending, answer: Answer) -> None:
        """Its sender has the answer."""
        self._end(sending)
        sending.answer = answer
        holding = self.holdings[sending.event.partition]
        sending.owned = holding.epoch == sending.epoch and holding.until_s > self.now_s()
        what = answer.status if answer.failure is None else answer.failure
        self.trace.tell(f"{sending.host.name} hears of {sending}: {what}")
        if sending.told_accepted:
            self.heard_accepted_s[sending.host.name, sending.endpoint].append(self.now_s())
        self.on_answered(sending)

    def given_up(self, sending: Sending) -> None:
        """Its sender does not wait any longer."""
        self._end(sending)

    def died(self, host: Host) -> None:
        """A process is gone; its connections are closed."""
        for endpoint in self.open.values():
            for sending in [it for it in endpoint if it.host is host]:
                self.given_up(sending)

    def leased(self, owner: str, leases: Sequence[Lease], ttl_s: float) -> None:
        """A process holds these for so long."""
        for lease in leases:
            before = self.holdings.get(lease.partition)
            until_s = self.now_s() + ttl_s
            self.holdings[lease.partition] = Holding(owner, lease.epoch, until_s)
            if before is None or before.epoch != lease.epoch:
                self.trace.tell(
                    f"{owner} takes partition {lease.partition} at {lease.cursor}, "
                    f"epoch {lease.epoch}, takeovers {lease.takeovers}"
                )

    def acquired(self, owner: str, share: LeaseShare, ttl_s: float) -> None:
        """A process was given leases."""
        self.leased(owner, share.taken, ttl_s)

    def released(self, leases: Sequence[Lease]) -> None:
        """A process gave these back."""
        for lease in leases:
            holding = self.holdings[lease.partition]
            if holding.epoch == lease.epoch:
                holding.until_s = self.now_s()
                self.trace.tell(f"{holding.owner} gives back partition {lease.partition}")

    def applied(self, changes: Sequence[PartitionChanges], report: ApplyReport) -> None:
        """Decisions are in the store."""
        for one in changes:
            if one.lease.partition in report.lost:
                self.trace.tell(f"{one.lease.owner} lost partition {one.lease.partition}")
                continue
            self._applied(one)

    def disabled(self, subscription: Subscription, why: str) -> None:
        """The endpoint gets nothing more; what waits for it is canceled."""
        self.canceled |= {job.id for job in self.replays_of(subscription.name)}
        for (webhook, _), row in list(self.rows.items()):
            if webhook == subscription.webhook and row.state not in _PARKED:
                self._park(row, why)

    def replays_of(self, endpoint: str) -> list[ReplayJob]:
        """All that were asked for."""
        return [job for job in self.replays.values() if _name(job.webhook) == endpoint]

    def asked_for_replay(self, job: ReplayJob) -> None:
        """Somebody asked for much to be sent again."""
        self.replays[job.id] = job
        self.trace.tell(f"asked to replay {job.scope} of {_name(job.webhook)}: {job.id}")

    def asked_for_retry(self, endpoint: str, event: LogEvent) -> None:
        """Somebody asked for another attempt."""
        self.asked[endpoint, event.key].add(event.id)
        self.trace.tell(f"asked to retry {endpoint} {event.key}#{event.sequence}")

    def _applied(self, changes: PartitionChanges) -> None:
        self.cursors[changes.lease.partition] = changes.cursor
        for attempt in changes.attempts:
            delivery = _name(attempt.webhook), attempt.event_id
            self.records[delivery].append(attempt)
            if attempt.accepted:
                self.recorded_accepted.add(delivery)
                if attempt.replay is not None:
                    self.accepted_by[attempt.replay] += 1
            else:
                self._failed(changes.lease.owner, delivery, attempt)
        for webhook, position in changes.settled:
            self.rows.pop((webhook, self._places[changes.lease.partition, position]), None)
        for row in changes.rows:
            if row.state is PendingState.FAILED and not self._is_of_canceled(row):
                self.failed[_name(row.webhook), row.event_id] += 1
            self._put(row)
        self._loose.update(changes.release)
        self._let_go()
        for replay in [it.replay for it in changes.replays if it.abandon]:
            self._abandon(replay, changes.lease.partition)
        for disabling in changes.disable:
            self._disable(disabling)
        self.trace.tell(_told(changes))

    def _is_of_canceled(self, row: PendingRow) -> bool:
        """Whether its owner gave it up, not Offhook: so it says, and so it is."""
        return row.replay in self.canceled and (row.reason or "").endswith(CANCELED)

    def _failed(self, owner: str, delivery: Delivery, attempt: AttemptRecord) -> None:
        for sending in self.sendings[delivery]:
            alike = (sending.number, sending.replay) == (attempt.number, attempt.replay)
            if alike and sending.host.name == owner and sending.answer is not None:
                self.on_recorded_failure(sending)
                return

    def _put(self, row: PendingRow) -> None:
        subscription = self.subscriptions[_name(row.webhook)]
        if subscription.document is None:
            return
        if row.state in _PARKED:
            self._park(row, row.reason or "")
        elif not subscription.enabled:
            self._park(row, "disabled meanwhile")
        else:
            self.rows[row.webhook, row.event_id] = row

    def _let_go(self) -> None:
        """A lane that was let go is unordered until it is empty."""
        for lane in list(self._loose):
            rows = [row for row in self.rows.values() if row.own_lane == lane]
            self.let_go.update((_name(row.webhook), row.event_id) for row in rows)
            if not rows:
                self._loose.discard(lane)

    def _abandon(self, replay: ReplayId, partition: int) -> None:
        for row in list(self.rows.values()):
            if row.replay != replay or row.partition != partition:
                continue
            if (_name(row.webhook), row.event_id) in self.recorded_accepted:
                del self.rows[row.webhook, row.event_id]
            else:
                self._park(row, CANCELED)

    def _park(self, row: PendingRow, why: str) -> None:
        self.rows.pop((row.webhook, row.event_id), None)
        self.parked[_name(row.webhook), row.event_id] = why

    def _disable(self, disabling: Disabling) -> None:
        subscription = self.subscriptions[_name(disabling.webhook)]
        document = subscription.document
        if document is None or not document.enabled or subscription.revision != disabling.revision:
            return
        off = document.model_copy(update={"enabled": False})
        subscription.change(self.head, self.now_s(), off)
        self.disabled_by_us[subscription.name] += 1
        self.disabled(subscription, disabling.reason)

    def _end(self, sending: Sending) -> None:
        sending.ended_s = self.now_s()
        self.open[sending.endpoint].remove(sending)


def _name(webhook: WebhookId) -> str:
    return webhook.removeprefix("wh_")


def _replay(request: Request) -> ReplayId | None:
    given = request.headers.get("webhook-replay")
    return None if given is None else ReplayId(given)


def _told(changes: PartitionChanges) -> str:
    rows = " ".join(sorted(f"{_name(it.webhook)}:{it.position}:{it.state}" for it in changes.rows))
    held = " ".join(sorted(f"{_name(it.webhook)}:{it.from_position}" for it in changes.held))
    met = " ".join(sorted(map(_name, changes.met)))
    return (
        f"{changes.lease.owner} applies {changes.lease.partition} to {changes.cursor}: "
        f"{len(changes.attempts)} attempts, {len(changes.settled)} settled, rows [{rows}], "
        f"held from [{held}], met [{met}]"
    )
