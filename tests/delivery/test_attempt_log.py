"""One line for each attempt: it says what happened, nothing secret, and never holds the loop up."""

import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from pieces import delivery, endpoint, sent

from offhook.delivery.attempt_log import MOST_HELD, AttemptLog, Attempts
from offhook.delivery.engine.sending import Sent
from offhook.delivery.entries import Answer, FailureKind, Timings
from offhook.delivery.queueing.queues import EndpointQueue
from offhook.logs import Lines
from offhook.settings import Settings

OK = Answer(200, duration_ms=12.3456, timings=Timings(first_byte_ms=8.5))
REFUSED = Answer(503, body=b"secret body", duration_ms=3)
SECRET = endpoint(
    url="https://crm.example/hook?token=s3cr3t", headers={"authorization": "Bearer s3cr3t"}
)


class Written:
    """Takes lines."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.dropped = 0

    def write(self, lines: Sequence[bytes]) -> None:
        self.lines.extend(map(json.loads, lines))

    def drop(self) -> None:
        self.dropped += 1


def attempt(answer: Answer, position: int = 1) -> Sent:
    return sent(EndpointQueue(SECRET), delivery(position, key="+15551234567"), answer)


async def logged(
    *attempts: Sent, wanted: Attempts = Attempts.ALL
) -> tuple[Written, list[dict[str, Any]]]:
    written = Written()
    log = AttemptLog(write=written.write, wanted=wanted, on_dropped=written.drop)
    for each in attempts:
        log.note(each)
    await log.run_once()
    await log.stop()
    return written, written.lines


async def test_a_line_says_which_attempt_it_was_and_how_it_went() -> None:
    _, [line] = await logged(attempt(OK))
    assert line == {
        "event": "attempt",
        "level": "info",
        "timestamp": "1970-01-01T00:00:00.000Z",
        "webhook_id": "wh_crm",
        "event_id": "evt_1",
        "event_type": "custom.x",
        "delivery_id": line["delivery_id"],
        "number": 1,
        "accepted": True,
        "duration_ms": 12.35,
        "timings": {"first_byte_ms": 8.5},
        "status": 200,
    }
    assert line["delivery_id"].startswith("dlv_")


async def test_failures_say_why_and_nothing_tells_a_secret_or_a_number() -> None:
    inside = Answer(None, FailureKind.BLOCKED, "10.0.0.1 is a private address")
    fault = Answer(None, FailureKind.INTERNAL, "ValueError('+15551234567')")
    written, lines = await logged(attempt(REFUSED), attempt(inside), attempt(fault))
    assert [line.get("error") for line in lines] == [None, "blocked", "internal"]
    assert lines[1]["detail"] == "10.0.0.1 is a private address"
    shown = json.dumps(written.lines)
    assert "s3cr3t" not in shown
    assert "secret body" not in shown
    assert "5551234567" not in shown


@pytest.mark.parametrize(
    ("wanted", "accepted"),
    [(Attempts.ALL, [True, False]), (Attempts.FAILURES, [False]), (Attempts.NONE, [])],
)
async def test_which_attempts_are_told_is_a_setting(wanted: Attempts, accepted: list[bool]) -> None:
    _, lines = await logged(attempt(OK), attempt(REFUSED), wanted=wanted)
    assert [line["accepted"] for line in lines] == accepted


async def test_a_reader_that_is_stuck_costs_lines_and_no_time() -> None:
    stuck, release, written = threading.Event(), threading.Event(), Written()

    def write(lines: Sequence[bytes]) -> None:
        stuck.set()
        release.wait(30)
        written.write(lines)

    log = AttemptLog(write=write, wanted=Attempts.ALL, on_dropped=written.drop)
    log.note(attempt(OK))
    await log.run_once()
    stuck.wait(10)
    made = attempt(OK)
    for _ in range(MOST_HELD + 5):
        log.note(made)
    await log.run_once()
    assert written.dropped == 6
    await log.stop()
    assert written.lines == []
    release.set()


async def test_a_reader_that_is_gone_ends_the_lines_and_nothing_else() -> None:
    def write(lines: Sequence[bytes]) -> None:
        raise BrokenPipeError

    log = AttemptLog(write=write, wanted=Attempts.ALL, on_dropped=lambda: None)
    log.note(attempt(OK))
    await log.stop()


def test_lines_are_written_to_stderr_whole_and_in_order(
    capfd: pytest.CaptureFixture[str],
) -> None:
    lines = [json.dumps({"event": "attempt", "n": n, "x": "x" * 300}).encode() for n in range(99)]
    Lines(Settings(log_format="json")).write(lines)
    shown = capfd.readouterr().err.splitlines()
    assert [json.loads(line)["n"] for line in shown] == list(range(99))


def test_on_a_terminal_they_are_for_eyes(capfd: pytest.CaptureFixture[str]) -> None:
    line = {"event": "attempt", "level": "info", "timestamp": "2026-11-20T10:00:00Z", "status": 200}
    Lines(Settings(log_format="console")).write([json.dumps(line).encode()])
    shown = capfd.readouterr().err
    assert "attempt" in shown
    assert "{" not in shown


@pytest.mark.parametrize(("level", "wanted"), [("debug", True), ("info", True), ("warning", False)])
def test_they_are_at_the_level_info(level: str, wanted: bool) -> None:
    assert Lines(Settings.model_validate({"log_level": level})).wanted is wanted
