"""What each answer changes: rows, lanes, queues, and the record of the attempt."""

import pytest
from pieces import CRM, delivery, endpoint, lease, sent

from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.outcome import apply, cancel, decide, note
from offhook.delivery.engine.sending import Sent
from offhook.delivery.entries import (
    Answer,
    ApplyReport,
    Disabling,
    FailureKind,
    PartitionChanges,
    PendingRow,
    PendingState,
)
from offhook.delivery.policy import Delivered, Disable, GiveUp, Retry, Verdict
from offhook.delivery.queueing.circuit import Circuit, CircuitState, Pace
from offhook.delivery.queueing.queues import Delivery, EndpointQueue
from offhook.model.ids import ReplayId
from offhook.testing.network import OK

DOWN = Answer(503, body=b"try later", duration_ms=12.5)
IMPOSSIBLE = Answer(None, FailureKind.INTERNAL, "cannot be built")


class Table:
    """A partition and an endpoint's queue, with deliveries of the keys ``aaab`` in it."""

    def __init__(self, *, ordered: bool = True) -> None:
        self.flow = PartitionFlow(lease())
        self.queue = EndpointQueue(endpoint(ordered=ordered))
        for position, key in enumerate("aaab", start=1):
            self.offer(delivery(position, key, reader=self.flow.live))
            self.flow.live.read(position)

    def offer(self, made: Delivery) -> None:
        self.flow.begin(made)
        self.queue.offer(made)

    def answer(self, answer: Answer, made: Delivery | None = None) -> Verdict:
        return self.settle(sent(self.queue, self.queue.take() if made is None else made, answer))

    def settle(self, back: Sent) -> Verdict:
        decision = decide(self.flow, back, now_ms=1_000, rnd=lambda: 0.5)
        apply(self.flow, back, decision, 1_000)
        return decision.verdict

    def written(self) -> PartitionChanges:
        frozen = self.flow.freeze(places=True)
        assert frozen is not None
        return frozen

    def next_positions(self) -> list[int]:
        taken = []
        while self.queue.sendable:
            taken.append(self.queue.take().event.position)
        return taken


@pytest.fixture
def table() -> Table:
    return Table()


def stated(rows: tuple[PendingRow, ...]) -> list[tuple[int, PendingState]]:
    return [(row.position, row.state) for row in rows]


def test_a_delivery_lets_the_next_of_its_lane_go_and_leaves_no_row(table: Table) -> None:
    assert table.answer(Answer(204)) == Delivered()
    assert table.next_positions() == [4, 2]
    written = table.written()
    assert (written.rows, written.settled, written.cursor) == ((), (), 1)
    [attempt] = written.attempts
    assert (attempt.accepted, attempt.number, attempt.status) == (True, 1, 204)
    assert attempt.response is None


def test_a_failure_gets_a_row_and_so_does_all_that_waits_behind_it(table: Table) -> None:
    verdict = table.answer(DOWN)
    assert isinstance(verdict, Retry)
    written = table.written()
    assert stated(written.rows) == [
        (1, PendingState.RETRY),
        (2, PendingState.WAITING),
        (3, PendingState.WAITING),
    ]
    retry, behind, _ = written.rows
    assert (retry.number, retry.due_ms, retry.reason) == (1, 1_000 + 5_000, "status 503")
    assert (behind.number, behind.due_ms, behind.lane) == (0, None, "a")
    assert written.cursor == 3
    assert table.next_positions() == [4]


def test_a_failed_attempt_is_recorded_with_what_came_back(table: Table) -> None:
    table.answer(DOWN)
    [attempt] = table.written().attempts
    assert (attempt.accepted, attempt.error, attempt.response) == (
        False,
        "status 503",
        b"try later",
    )
    assert attempt.duration_ms == 12.5


def test_without_order_a_failure_takes_nobody_with_it() -> None:
    table = Table(ordered=False)
    table.answer(DOWN)
    [row] = table.written().rows
    assert (row.position, row.lane) == (1, None)
    assert table.next_positions() == [2, 3, 4]


def test_a_row_behind_a_failure_stays_as_it_is_and_may_be_taken_again(table: Table) -> None:
    table.offer(delivery(9))
    table.answer(DOWN)
    written = table.written()
    assert 9 not in [row.position for row in written.rows]
    assert table.flow.busy == {(CRM, 9)}
    table.flow.applied(ApplyReport(), now_ms=0, now_s=0.0)
    assert table.flow.busy == set()


@pytest.mark.parametrize(
    ("answer", "recorded"), [(DOWN, 1), (Answer(None, FailureKind.SHORTAGE, "no sockets"), 0)]
)
def test_what_a_canceled_replay_gives_up_is_not_told_as_exhausted(
    table: Table, answer: Answer, recorded: int
) -> None:
    resent = delivery(9, "z")
    resent.replay = ReplayId("rpl_gone")
    table.flow.begin(resent)
    assert isinstance(table.answer(answer, resent), GiveUp)
    written = table.written()
    assert stated(written.rows) == [(9, PendingState.FAILED)]
    assert (written.announce, len(written.attempts)) == ((), recorded)


def test_a_row_that_is_delivered_at_last_goes(table: Table) -> None:
    pending = delivery(9, "z", attempts=3)
    table.flow.begin(pending)
    assert table.answer(Answer(200), pending) == Delivered()
    written = table.written()
    assert written.settled == ((CRM, 9),)
    assert written.attempts[0].number == 4


def test_what_cannot_be_sent_is_given_up_and_its_lane_goes_on(table: Table) -> None:
    assert table.answer(IMPOSSIBLE) == GiveUp("internal: cannot be built")
    written = table.written()
    assert stated(written.rows) == [(1, PendingState.FAILED)]
    assert written.rows[0].reason == "internal: cannot be built"
    assert table.next_positions() == [4, 2]


def test_410_disables_the_endpoint(table: Table) -> None:
    assert table.answer(Answer(410)) == Disable("status 410")
    written = table.written()
    assert written.disable == (Disabling(CRM, 1, "status 410"),)
    assert stated(written.rows)[0] == (1, PendingState.RETRY)
    assert written.rows[0].due_ms == 1_000


@pytest.mark.parametrize("url", [endpoint().url, "https://new.example/hook"])
def test_410_to_an_endpoint_that_was_changed_since_is_a_failure_and_tried_again_at_once(
    table: Table, url: str
) -> None:
    back = sent(table.queue, table.queue.take(), Answer(410))
    table.queue.become(endpoint(revision=2, url=url))
    assert table.settle(back) == Retry(1_000, "status 410")
    written = table.written()
    assert (written.disable, written.rows[0].due_ms) == ((), 1_000)


def test_410_to_an_endpoint_that_is_gone_does_not_disable_what_it_may_be_by_now(
    table: Table,
) -> None:
    made = table.queue.take()
    table.queue.closed = True
    table.answer(Answer(410), made)
    written = table.written()
    assert (written.disable, stated(written.rows)) == ((), [(1, PendingState.CANCELED)])


def test_what_came_from_another_url_says_nothing_of_how_an_endpoint_does(table: Table) -> None:
    backs = [sent(table.queue, table.queue.take(), DOWN), sent(table.queue, table.queue.take(), OK)]
    table.queue.become(endpoint(revision=2, url="https://new.example/hook"))
    for back in backs:
        assert not note(back, table.settle(back), now_ms=1_000, now_s=1.0)
    assert (table.queue.circuit, table.queue.pace) == (Circuit(), Pace())


def test_at_another_url_an_endpoint_is_sent_to_as_if_it_was_new(table: Table) -> None:
    for now_s in range(40):
        table.queue.circuit.failed(now_s)
    assert table.queue.circuit.state is CircuitState.OPEN
    table.queue.become(endpoint(revision=2))
    assert table.queue.circuit.state is CircuitState.OPEN
    table.queue.become(endpoint(revision=3, url="https://new.example/hook"))
    assert table.next_positions() == [1, 4]


def test_a_failure_of_an_endpoint_that_is_gone_is_not_tried_again(table: Table) -> None:
    made = table.queue.take()
    table.queue.closed = True
    table.answer(DOWN, made)
    [row] = table.written().rows
    assert (row.state, row.due_ms) == (PendingState.CANCELED, None)


def test_a_success_of_an_endpoint_that_is_gone_is_one(table: Table) -> None:
    made = table.queue.take()
    table.queue.closed = True
    table.answer(Answer(200), made)
    written = table.written()
    assert (written.rows, written.cursor) == ((), 1)


def test_what_waited_for_an_endpoint_that_is_gone_is_canceled_once(table: Table) -> None:
    pending = delivery(9)
    table.offer(pending)
    for waiting in table.queue.drain():
        cancel(table.flow, waiting)
    written = table.written()
    assert stated(written.rows) == [(at, PendingState.CANCELED) for at in (1, 4, 2, 3)]
    assert written.cursor == 4
    assert all("disabled or deleted" in (row.reason or "") for row in written.rows)


def test_a_probe_that_fails_leaves_its_row_as_it_was(table: Table) -> None:
    probe = table.queue.take()
    probe.probe = True
    assert isinstance(table.answer(DOWN, probe), Retry)
    changes = table.written()
    assert (changes.rows, len(changes.attempts)) == ((), 1)


def test_a_probe_that_cannot_be_built_is_given_up_and_not_made_again(table: Table) -> None:
    probe = table.queue.take()
    probe.probe = True
    assert isinstance(table.answer(IMPOSSIBLE, probe), GiveUp)
    assert stated(table.written().rows) == [(1, PendingState.FAILED)]
