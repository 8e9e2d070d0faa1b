"""Shares of a bound: never more than it in all, whoever dies or sleeps, and nobody starves."""

import math
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from offhook.delivery.bounds.sharing import (
    SLICE_MS,
    BoundAsk,
    BoundKind,
    ShareRow,
    decide,
    decide_all,
)
from offhook.model.ids import WebhookId

TTL_MS = 2_000
NAMES = st.sampled_from("abcd")


class Rows:
    """The stored rows of one bound."""

    def __init__(self, bound: int, window_s: float = 0.0) -> None:
        self.bound = bound
        self.window_s = window_s
        self.now_ms = 0
        self.rows: dict[str, ShareRow] = {}

    def ask(self, owner: str, wanted: int, used: int) -> int:
        kind = BoundKind.RATE if self.window_s else BoundKind.IN_FLIGHT
        ask = BoundAsk(WebhookId("wh"), kind, self.bound, wanted, used, self.window_s)
        row, grant = decide(ask, owner, list(self.rows.values()), now_ms=self.now_ms, ttl_ms=TTL_MS)
        self.rows.pop(owner, None)
        if row is not None:
            self.rows[owner] = row
        return grant.allowed

    def live(self) -> list[ShareRow]:
        return [row for row in self.rows.values() if row.until_ms > self.now_ms]


class Process:
    """One process as its grants allow it to be, with what it has under way and has begun."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.allowed = 0
        self.until_ms = -1
        self.in_flight = 0
        self.outlived = False
        self.starts: deque[int] = deque()

    def recent(self, now_ms: int, window_s: float) -> int:
        return sum(at > now_ms - window_s * 1000 for at in self.starts)


class Sharing(RuleBasedStateMachine):
    """Any number of asks, lost answers, starts, ends, deaths and sleeps, in any order."""

    window_s = 0.0

    @initialize(bound=st.integers(1, 6))
    def begin(self, bound: int) -> None:
        self.store = Rows(bound, self.window_s)
        self.lives = 0
        self.processes = {name: Process(name) for name in "abcd"}
        self.begun: list[int] = []

    @rule(name=NAMES, wanted=st.integers(0, 8), answered=st.booleans())
    def ask(self, name: str, wanted: int, answered: bool) -> None:
        process = self.processes[name]
        used = self.used(process)
        allowed = self.store.ask(process.name, wanted, used)
        if answered:
            process.allowed, process.until_ms = allowed, self.store.now_ms + TTL_MS
        else:
            process.allowed = min(process.allowed, used)

    @rule(name=NAMES, times=st.integers(1, 8))
    def start(self, name: str, times: int) -> None:
        process = self.processes[name]
        for _ in range(times):
            if self.store.now_ms < process.until_ms and self.used(process) < process.allowed:
                process.in_flight += 1
                process.starts.append(self.store.now_ms)
                self.begun.append(self.store.now_ms)

    @rule(name=NAMES)
    def end(self, name: str) -> None:
        process = self.processes[name]
        process.in_flight = max(process.in_flight - 1, 0)
        process.outlived = process.outlived and process.in_flight > 0

    @rule(name=NAMES)
    def die(self, name: str) -> None:
        """The next one in its place has another name, and knows nothing."""
        self.lives += 1
        self.processes[name] = Process(f"{name}{self.lives}")

    @rule(passed_ms=st.sampled_from([1, 100, SLICE_MS, 500, 999, 1_000, TTL_MS, 3 * TTL_MS]))
    def pass_time(self, passed_ms: int) -> None:
        self.store.now_ms += passed_ms
        for process in self.processes.values():
            if process.in_flight and self.store.now_ms >= process.until_ms:
                process.outlived = True

    def used(self, process: Process) -> int:
        return process.in_flight

    @invariant()
    def grants_never_exceed_the_bound(self) -> None:
        if hasattr(self, "store"):
            assert sum(row.allowed for row in self.store.live()) <= self.store.bound

    @invariant()
    def use_never_exceeds_the_bound(self) -> None:
        """But for requests that outlive the share of a process that slept."""
        if hasattr(self, "store") and not any(it.outlived for it in self.processes.values()):
            assert sum(it.in_flight for it in self.processes.values()) <= self.store.bound


class SharingOfARate(Sharing):
    """The same of a rate: here what the dead and the sleeping began counts too, always."""

    window_s = 1.5

    def used(self, process: Process) -> int:
        return process.recent(self.store.now_ms, self.window_s)

    @invariant()
    def use_never_exceeds_the_bound(self) -> None:
        if hasattr(self, "store"):
            window = [at for at in self.begun if at > self.store.now_ms - self.window_s * 1000]
            assert len(window) <= self.store.bound


MANY = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestSharing = Sharing.TestCase
TestSharing.settings = MANY
TestSharingOfARate = SharingOfARate.TestCase
TestSharingOfARate.settings = MANY


class TestFairness:
    @given(st.integers(1, 40), st.integers(1, 8))
    @settings(deadline=None)
    def test_where_all_want_all_there_is_they_get_as_much(self, bound: int, count: int) -> None:
        store = Rows(bound)
        names = "abcdefgh"[:count]
        for _ in range(3):
            shares = {name: store.ask(name, bound, 0) for name in names}
        if count <= bound:
            assert sum(shares.values()) == bound
            assert max(shares.values()) - min(shares.values()) <= 1

    @pytest.mark.parametrize("wanted", [1, 3, 16])
    def test_who_is_alone_in_wanting_gets_the_whole_bound(self, wanted: int) -> None:
        store = Rows(16)
        assert store.ask("a", 16, 0) == 16
        assert store.ask("b", wanted, 0) == 0
        assert store.ask("a", 0, 0) == 0
        assert store.ask("b", wanted, 0) == 16

    def test_what_some_do_not_want_goes_to_those_who_do(self) -> None:
        store = Rows(16)
        for _ in range(2):
            little, much, more = (store.ask(*each, 0) for each in (("a", 2), ("b", 9), ("c", 9)))
        assert (little, much, more) == (2, 7, 7)

    def test_what_is_still_used_is_given_to_nobody(self) -> None:
        store = Rows(8)
        assert store.ask("a", 8, 0) == 8
        assert store.ask("b", 8, 0) == 0
        assert store.ask("a", 8, 6) == 4
        assert store.ask("b", 8, 0) == 2
        assert store.ask("a", 8, 4) == 4
        assert store.ask("b", 8, 2) == 4

    def test_the_share_of_a_dead_process_is_free_after_its_time_and_of_a_rate_a_window_later(
        self,
    ) -> None:
        for window_s, free_at_ms in ((0.0, TTL_MS), (1.5, TTL_MS + 1_500)):
            store = Rows(4, window_s)
            assert store.ask("dead", 4, 0) == 4
            store.now_ms = free_at_ms - 1
            assert store.ask("b", 4, 0) == 0
            store.now_ms = free_at_ms
            assert store.ask("b", 4, 0) == 4

    @given(
        bound=st.integers(1, 4),
        more=st.integers(1, 5),
        held_ms=st.integers(0, 600),
        polls=st.lists(st.integers(1, SLICE_MS), min_size=9, max_size=9),
        window_s=st.sampled_from([0.0, 1.0]),
    )
    @settings(deadline=None)
    def test_where_there_are_more_processes_than_places_each_gets_its_turn(
        self, bound: int, more: int, held_ms: int, polls: list[int], window_s: float
    ) -> None:
        """Each asks at least once in a slice; each request takes ``held_ms``."""
        store = Rows(bound, window_s)
        kept_ms = max(held_ms, int(window_s * 1000))
        names = "abcdefghi"[: bound + more]
        last = dict.fromkeys(names, 0)
        used_until = dict.fromkeys(names, 0)
        round_ms = math.ceil(len(names) / bound) * (3 * SLICE_MS + kept_ms)
        for now_ms in range(0, 4 * round_ms, 10):
            store.now_ms = now_ms
            for name, every in zip(names, polls, strict=False):
                if now_ms % (every // 10 * 10 or 10):
                    continue
                used = int(used_until[name] > now_ms)
                if store.ask(name, 1, used) and not used:
                    last[name] = now_ms
                    used_until[name] = now_ms + kept_ms
                assert now_ms - last[name] <= 2 * round_ms


def test_who_takes_turns_at_two_bounds_gets_both_at_once() -> None:
    """Each of three processes held the place of one bound and waited for that of the other."""
    webhook = WebhookId("wh")
    stored: dict[tuple[WebhookId, BoundKind], dict[str, ShareRow]] = {
        (webhook, BoundKind.IN_FLIGHT): {"c": _row("c", allowed=1)},
        (webhook, BoundKind.RATE): {"a": _row("a", allowed=1), "b": _row("b", allowed=1)},
    }
    both: set[str] = set()
    for now_ms in range(0, 3_000, 100):
        for owner in "abc":
            asks = [
                BoundAsk(webhook, BoundKind.IN_FLIGHT, bound=1, wanted=9, used=0),
                BoundAsk(webhook, BoundKind.RATE, bound=2, wanted=9, used=0, window_s=0.8),
            ]
            rows = {bound: list(of.values()) for bound, of in stored.items()}
            decided = decide_all(asks, owner, rows, now_ms=now_ms, ttl_ms=TTL_MS)
            for ask, (row, _) in zip(asks, decided, strict=True):
                stored[webhook, ask.kind].pop(owner, None)
                if row is not None:
                    stored[webhook, ask.kind][owner] = row
            if all(grant.allowed for _, grant in decided):
                both.add(owner)
    assert both == set("abc")


def _row(owner: str, allowed: int) -> ShareRow:
    return ShareRow(
        owner, allowed, counted=allowed, wanted=9, since_ms=0, asked_ms=0, until_ms=TTL_MS
    )
