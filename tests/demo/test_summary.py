"""The summary shows what the receiver counted, and names every promise that was broken."""

import pytest
from rich.console import Console

from offhook.demo.screen import Frame, Pace, screen_on
from offhook.demo.summary import Summary
from offhook.demo.tally import Report

GOOD = Report(
    requests=1_110,
    received=1_010,
    distinct=1_000,
    duplicates=10,
    retries=110,
    failed_on_purpose=111,
    expected=1_000,
    calls=200,
    by_outcome={"answered": 163, "abandoned": 35, "failed": 2},
    per_s=1_234.5,
    p50_ms=7.2,
    p99_ms=512.0,
)


def test_a_good_run_breaks_no_promise() -> None:
    assert Summary(GOOD, 900, 3.0).broken_promises() == []


@pytest.mark.parametrize(
    ("report", "broken"),
    [
        (Report(distinct=1, missing=2), "2 events were lost"),
        (Report(distinct=1, gaps=1), "1 sequences are missing"),
        (Report(distinct=1, out_of_order=4), "4 events arrived out of order"),
        (Report(distinct=1, invalid=1_000), "1,000 requests were not validly signed"),
        (Report(), "nothing arrived at all"),
    ],
)
def test_each_broken_promise_is_named_with_its_number(report: Report, broken: str) -> None:
    assert Summary(report, 0, 1.0).broken_promises() == [broken]


def test_the_rows_carry_the_receivers_figures() -> None:
    rows = dict(Summary(GOOD, 900, 3.0).rows())
    assert rows["calls"] == "200"
    assert rows["  answered"] == "163"
    assert rows["  failed on purpose"] == "111 (10.0%)"
    assert rows["  duplicates dropped"] == "10"
    assert rows["deliveries per second"] == "1,234"
    assert rows["commit to first arrival, p99"] == "512 ms"
    assert rows["lost"] == rows["order violations"] == rows["  invalid signatures"] == "0"


def test_several_processes_are_told_with_their_database_and_one_alone_is_not() -> None:
    alone = Summary(GOOD, 900, 3.0)
    shared = Summary(GOOD, 900, 3.0, processes=4, database="postgresql://here/db, schema s")
    assert shared.rows()[:2] == [
        ("database", "postgresql://here/db, schema s"),
        ("processes", "4"),
    ]
    assert shared.rows()[2:] == alone.rows()


def test_rejected_rows_are_counted_and_the_first_is_told() -> None:
    summary = Summary(GOOD, 900, 3.0, rejected=2, first_rejection="row 7, date: no such day")
    assert dict(summary.rows())["rows rejected"] == "2"
    assert summary.rejection() == "demo: 2 rows were rejected; the first: row 7, date: no such day"


def test_the_pace_is_that_of_the_last_two_seconds() -> None:
    pace = Pace()
    assert pace.per_s(0, 0) == 0
    assert pace.per_s(1, 500) == 500
    assert pace.per_s(2, 3_000) == 1_500
    assert pace.per_s(4, 3_000) == 0


def frame(elapsed_s: float) -> Frame:
    return Frame(elapsed_s, facts=900, at="13:30", report=GOOD, per_s=1_000.0)


def test_off_a_terminal_there_is_a_line_every_two_seconds() -> None:
    console = Console(width=80)
    with console.capture() as seen, screen_on(console) as screen:
        for elapsed_s in (0.5, 2.0, 2.5, 3.9, 4.0):
            screen.show(frame(elapsed_s))
    lines = seen.get().splitlines()
    assert len(lines) == 2
    assert "at 13:30" in lines[0]
    assert "p99 512 ms" in lines[0]


def test_on_a_terminal_there_is_a_table() -> None:
    console = Console(width=80, force_terminal=True)
    with console.capture() as seen, screen_on(console) as screen:
        screen.show(frame(1.0))
    assert "deliveries/s" in seen.get()


def test_a_quiet_console_shows_nothing() -> None:
    console = Console(quiet=True)
    with console.capture() as seen, screen_on(console) as screen:
        screen.show(frame(9.0))
    assert seen.get() == ""
