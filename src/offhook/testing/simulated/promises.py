"""What is promised of every request, checked in the moment in which it begins or is accepted."""

from math import inf

from offhook.delivery.entries import Request
from offhook.delivery.schedule import Schedule
from offhook.signing.schemes import STANDARD
from offhook.signing.verdict import Verified
from offhook.signing.verify import verify
from offhook.testing.simulated.clocks import START
from offhook.testing.simulated.ledger import Ledger, Sending
from offhook.testing.simulated.moods import ASKED_S
from offhook.testing.simulated.sparing import Sparing
from offhook.testing.simulated.subscriptions import Subscription

BROKEN = "BROKEN: "
"""Begins what the trace tells of a promise that was not kept."""

_ROUNDING_S = 0.003


class Promises:
    """Watches a ledger; ``broken`` says what was not kept.

    ``clocks_off_s`` is by how much processes' clocks differ from the store's at most.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._highest: dict[tuple[str, str], int] = {}
        self._sparing = Sparing()
        self.broken: list[str] = []
        self.clocks_off_s = 0.0
        ledger.on_began = self._began
        ledger.on_accepted = self._accepted
        ledger.on_answered = self._sparing.heard
        ledger.on_recorded_failure = self._recorded_failure

    def breaks(self, what: str) -> None:
        """A promise was broken."""
        self.broken.append(what)
        self._ledger.trace.tell(f"{BROKEN}{what}")

    def _began(self, sending: Sending) -> None:
        subscription = self._ledger.subscriptions[sending.endpoint]
        if not subscription.may_get(sending.event):
            self.breaks(f"{sending} is not for this endpoint")
        if not subscription.may_stand_at(sending.request.url, sending.began_s):
            self.breaks(f"{sending} goes to {sending.request.url}, which was left long ago")
        self._is_signed(sending, subscription)
        self._within_the_lease(sending)
        self._alone_in_its_lane(sending, subscription)
        self._not_known_to_be_done(sending)
        self._not_too_early(sending, subscription)
        self._not_while_it_is_left_alone(sending, subscription)
        self._within_the_rate(sending, subscription)
        self._within_the_bound(sending, subscription)

    def _accepted(self, sending: Sending, first: bool) -> None:
        """First acceptances of an endpoint and key are in order, leaving aside what is late."""
        lane = sending.endpoint, sending.key
        sequence, highest = sending.event.sequence, self._highest.get(lane, 0)
        subscription = self._ledger.subscriptions[sending.endpoint]
        excused = (
            not first
            or sending.late
            or sending.replay is not None
            or not subscription.always_ordered
            or sending.delivery in self._ledger.parked
            or sending.delivery in self._ledger.let_go
            or not subscription.must_get(sending.event)
        )
        if sequence < highest and not excused:
            self.breaks(f"{sending} is accepted after #{highest} of its key")
        if sending.replay is None and not sending.late:
            self._highest[lane] = max(sequence, highest)

    def _is_signed(self, sending: Sending, subscription: Subscription) -> None:
        """Whatever the receiver verifies with, of what it was told to be good now."""
        request, now_s = sending.request, sending.began_s
        for key in subscription.keys:
            until_s = key.until_s - self.clocks_off_s - _ROUNDING_S
            if key.from_s <= now_s < until_s and not _verifies(request, key.secret, now_s):
                self.breaks(f"{sending} does not verify, with a secret good since {key.from_s} s")

    def _within_the_lease(self, sending: Sending) -> None:
        holding = self._ledger.holdings[sending.event.partition]
        if holding.owner != sending.host.name or holding.until_s <= sending.began_s:
            self.breaks(f"{sending.host.name} sends {sending} without a lease")

    def _alone_in_its_lane(self, sending: Sending, subscription: Subscription) -> None:
        if not subscription.always_ordered:
            return
        for other in self._ledger.open[sending.endpoint]:
            known = other.epoch == sending.epoch and other.began_s >= subscription.enabled_since_s
            alike = other.key == sending.key and other.replay == sending.replay
            in_order = not (other.late or sending.late)
            if alike and known and in_order:
                self.breaks(f"{sending} begins while {other} is under way")

    def _not_known_to_be_done(self, sending: Sending) -> None:
        """Sent again is only what was at risk: nobody had written, or could have, that it was
        accepted; or what somebody asks for, once by each replay, or after a replay of it failed."""
        records = self._ledger.records[sending.delivery]
        asked = self._ledger.asked.get((sending.endpoint, sending.key), ())
        if sending.event.id in asked and any(it.replay for it in records):
            return
        if any(it.accepted and it.replay == sending.replay for it in records):
            self.breaks(f"{sending} was recorded as accepted, and is sent again")
        for other in self._ledger.sendings[sending.delivery]:
            alike = other.epoch == sending.epoch and other.replay == sending.replay
            if other.told_accepted and alike:
                self.breaks(f"{sending} was accepted, and its owner sends it again")

    def _not_too_early(self, sending: Sending, subscription: Subscription) -> None:
        before = [
            other
            for other in self._ledger.sendings[sending.delivery]
            if other.number == sending.number - 1
            and other.replay == sending.replay
            and other.answer is not None
        ]
        # What another replay comes to is hurried, and whatever failed before may be a probe.
        own = 0 if sending.replay is None else 1
        hurried = len(self._ledger.replays_of(sending.endpoint)) > own
        # So may a key be of which a retry was asked for, and what waited anew once order is kept.
        hurried = hurried or (sending.endpoint, sending.key) in self._ledger.asked
        hurried = hurried or not subscription.same_order
        if not before or hurried or self._sparing.may_probe(sending):
            return
        last = before[-1]
        ended_s = last.ended_s or 0.0
        wait_s = min(_least_wait_s(last, it) for it in subscription.schedules())
        early_s = ended_s + wait_s - sending.began_s - self.clocks_off_s - _ROUNDING_S
        if early_s > 0:
            self.breaks(f"{sending} is tried {early_s:.3f} s too early")

    def _not_while_it_is_left_alone(self, sending: Sending, subscription: Subscription) -> None:
        early_s = self._sparing.too_early_s(sending, subscription.enabled_since_s)
        if early_s > 0:
            self.breaks(f"{sending} is sent {early_s:.3f} s before a dead endpoint may be probed")

    def _recorded_failure(self, sending: Sending) -> None:
        subscription = self._ledger.subscriptions[sending.endpoint]
        self._sparing.failed(sending, self._ledger.now_s(), subscription.enabled_since_s)

    def _within_the_rate(self, sending: Sending, subscription: Subscription) -> None:
        bound = subscription.most_begun(sending.began_s)
        if bound is None:
            return
        count, window_s = bound
        after_s = sending.began_s - window_s + _ROUNDING_S
        begun = 1
        for began_s in reversed(self._ledger.began_s[sending.endpoint]):
            if began_s <= max(after_s, subscription.enabled_since_s):
                break
            begun += 1
        if begun > count:
            self.breaks(f"{sending} is number {begun} within {window_s:g} s, {count} are allowed")

    def _within_the_bound(self, sending: Sending, subscription: Subscription) -> None:
        bound = subscription.most_in_flight(sending.began_s)
        under_way = [
            it
            for it in self._ledger.open[sending.endpoint]
            if it.began_s >= subscription.enabled_since_s and self._counts(it)
        ]
        if len(under_way) >= bound:
            self.breaks(f"{sending} is number {len(under_way) + 1} under way, {bound} are allowed")

    def _counts(self, sending: Sending) -> bool:
        """Whether its sender may still be waiting for it as far as the others can know: of one that
        lost the partition since, or its share, or that slept past its time-out, nobody knows."""
        holding, now_s = self._ledger.holdings[sending.event.partition], self._ledger.now_s()
        share = sending.host.name, sending.endpoint
        return (
            holding.owner == sending.host.name
            and holding.epoch == sending.epoch
            and holding.until_s > now_s
            and self._ledger.shared_until_s.get(share, inf) > now_s
            and sending.began_s + sending.request.timeout_s + _ROUNDING_S > now_s
        )


def _verifies(request: Request, secret: str, at_s: float) -> bool:
    verdict = verify(
        STANDARD,
        [secret],
        headers=request.headers,
        body=request.body,
        now_s=int(START.timestamp() + at_s),
    )
    return isinstance(verdict, Verified)


def _least_wait_s(failed: Sending, schedule: Schedule) -> float:
    """The least time between a failure and the next attempt; with a deadline that cuts it short."""
    delays = schedule.delays_s
    delay_s = delays[min(failed.number, len(delays)) - 1] * (1 - schedule.jitter)
    answer = failed.answer
    if schedule.honours_retry_after and answer is not None and answer.retry_after is not None:
        delay_s = max(delay_s, ASKED_S[answer.retry_after])
    if schedule.until_s is not None:
        left_s = failed.event.created_ms / 1000 + schedule.until_s - _ended_at(failed)
        delay_s = min(delay_s, max(left_s, 0.0))
    return delay_s


def _ended_at(sending: Sending) -> float:
    """When it ended, in Unix seconds: events are dated by the store."""
    return START.timestamp() + (sending.ended_s or 0.0)
