"""When an endpoint is left alone, and how slowly it is sent to."""

from math import inf

import pytest

from offhook.delivery.entries import Answer, FailureKind
from offhook.delivery.queueing.circuit import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    OPEN_AFTER_FAILURES,
    OPEN_AFTER_S,
    Circuit,
    CircuitState,
    Pace,
)

TIMEOUT = Answer(None, FailureKind.TIMEOUT)


def fail(circuit: Circuit, times: int, *, every_s: float, from_s: float = 0.0) -> list[float]:
    """Fail so often; returns when it opened."""
    moments = [from_s + n * every_s for n in range(times)]
    return [at_s for at_s in moments if circuit.failed(at_s)]


def opened() -> Circuit:
    circuit = Circuit()
    assert fail(circuit, OPEN_AFTER_FAILURES, every_s=OPEN_AFTER_S)
    return circuit


def test_it_opens_after_ten_failures_in_half_a_minute_or_more() -> None:
    circuit = Circuit()
    every_s = OPEN_AFTER_S / (OPEN_AFTER_FAILURES - 1)
    assert fail(circuit, OPEN_AFTER_FAILURES, every_s=every_s) == [OPEN_AFTER_S]
    assert circuit.state is CircuitState.OPEN


def test_many_failures_at_once_do_not_open_it() -> None:
    assert fail(Circuit(), 1_000, every_s=OPEN_AFTER_S / 1_001) == []


def test_few_failures_over_a_long_time_do_not_open_it() -> None:
    assert fail(Circuit(), OPEN_AFTER_FAILURES - 1, every_s=3600) == []


def test_a_success_between_begins_the_count_anew() -> None:
    circuit = Circuit()
    assert fail(circuit, OPEN_AFTER_FAILURES - 1, every_s=10) == []
    circuit.accepted()
    assert fail(circuit, OPEN_AFTER_FAILURES - 1, every_s=10, from_s=100) == []


def test_it_lets_a_probe_through_after_its_pause() -> None:
    circuit = opened()
    began_s = circuit.probe_at_s - FIRST_PAUSE_S
    circuit.tick(began_s + FIRST_PAUSE_S - 0.1)
    assert circuit.state is CircuitState.OPEN
    circuit.tick(began_s + FIRST_PAUSE_S)
    assert circuit.state is CircuitState.HALF_OPEN


def test_pauses_double_up_to_a_minute() -> None:
    circuit = opened()
    pauses = []
    for _ in range(6):
        pauses.append(circuit.pause_s)
        circuit.tick(circuit.probe_at_s)
        assert circuit.failed(circuit.probe_at_s)
    assert pauses == [5, 10, 20, 40, 60, 60]
    assert circuit.pause_s == LONGEST_PAUSE_S


def test_a_success_closes_it_and_the_next_trouble_begins_with_the_first_pause() -> None:
    circuit = opened()
    circuit.tick(circuit.probe_at_s)
    assert circuit.failed(circuit.probe_at_s)
    circuit.accepted()
    assert (circuit.state, circuit.pause_s, circuit.due_s) == (
        CircuitState.CLOSED,
        FIRST_PAUSE_S,
        inf,
    )


def test_what_is_due_probes_first_and_something_is_chosen_only_if_there_is_no_such_thing() -> None:
    circuit = opened()
    assert not circuit.may_choose
    circuit.tick(circuit.probe_at_s)
    assert not circuit.may_choose
    circuit.tick(circuit.due_s)
    assert circuit.may_choose
    assert circuit.due_s == inf
    circuit.found_none(100.0)
    assert not circuit.may_choose
    assert 100.0 < circuit.due_s < inf


def test_what_failed_and_what_is_new_are_chosen_in_turn() -> None:
    circuit = opened()
    chosen = []
    for _ in range(4):
        chosen.append(circuit.fresh)
        circuit.tick(circuit.probe_at_s)
        assert circuit.failed(circuit.probe_at_s)
    assert chosen == [False, True, False, True]


def test_late_answers_of_an_open_circuit_change_nothing() -> None:
    circuit = opened()
    probe_at_s = circuit.probe_at_s
    assert fail(circuit, 50, every_s=0.1, from_s=probe_at_s - 1) == []
    assert circuit.probe_at_s == probe_at_s


def test_each_success_widens_the_window_up_to_the_bound() -> None:
    pace = Pace(window=1)
    for _ in range(20):
        pace.accepted(10)
    assert pace.window == 10


@pytest.mark.parametrize("answer", [TIMEOUT, Answer(429), Answer(502), Answer(504)])
def test_what_says_too_much_halves_the_window(answer: Answer) -> None:
    pace = Pace()
    widths = []
    for _ in range(6):
        pace.failed(answer, 0.0, 16)
        widths.append(pace.window)
    assert widths == [8, 4, 2, 1, 1, 1]


@pytest.mark.parametrize("answer", [Answer(500), Answer(404), Answer(None, FailureKind.CONNECT)])
def test_other_failures_leave_the_pace_as_it_is(answer: Answer) -> None:
    pace = Pace(window=16)
    pace.failed(answer, 0.0, 16)
    assert (pace.window, pace.gap_s, pace.not_before_s) == (16, 0.0, -inf)


def test_an_overloaded_endpoint_gets_a_gap_that_grows_and_shrinks() -> None:
    pace = Pace()
    gaps = []
    for _ in range(7):
        pace.failed(Answer(502), 0.0, 16)
        gaps.append(pace.gap_s)
    assert gaps == [0.25, 0.5, 1, 2, 4, 8, 8]
    for _ in range(10):
        pace.accepted(16)
    assert pace.gap_s == 0.0


def test_requests_keep_the_gap() -> None:
    pace = Pace()
    pace.failed(Answer(429), 10.0, 16)
    assert pace.not_before_s == 10.25
    pace.started(10.25)
    assert pace.not_before_s == 10.5


@pytest.mark.parametrize(("asked_s", "until_s"), [(7.0, 17.0), (3_600.0, 70.0), (0.0, 10.25)])
def test_what_is_asked_for_is_waited_by_the_whole_endpoint_up_to_a_minute(
    asked_s: float, until_s: float
) -> None:
    pace = Pace()
    pace.failed(Answer(429), 10.0, 16, asked_s)
    assert pace.not_before_s == until_s


def test_an_endpoint_hangs_until_it_answers_anything() -> None:
    pace = Pace()
    pace.failed(TIMEOUT, 0.0, 16)
    assert pace.hangs
    pace.failed(Answer(500), 0.0, 16)
    assert not pace.hangs
