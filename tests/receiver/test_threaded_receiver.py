"""A receiver without an event loop around it: its thread starts, answers, stops, starts again."""

import asyncio
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from offhook.model.errors import Conflict
from offhook.receiver import Counted, Depth, Event, Receiver, ThreadedReceiver, opened_queue
from offhook.receiver.sqlite import SqliteQueue
from offhook.receiver.testing import example_event, signed_request
from offhook.signing import SignedRequest, make_secret

SECRET = make_secret(bytes(32))
PATIENCE_S = 60


class Inside:
    """A handler that can be waited for."""

    def __init__(self, count: int) -> None:
        self.events: list[Event] = []
        self.done = threading.Event()
        self._count = count

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if len(self.events) == self._count:
            self.done.set()


async def depth(path: Path) -> Depth:
    async with opened_queue(f"sqlite:{path}") as queue:
        return await queue.depth()


def test_many_threads_are_answered_and_each_event_is_handled_once(tmp_path: Path) -> None:
    inside, counted = Inside(40), []
    path = tmp_path / "queue.db"
    core = Receiver(inside, SECRET, SqliteQueue(path), count=counted.append)
    receiver = ThreadedReceiver(core)
    requests = [signed_request(example_event("call.ended"), SECRET) for _ in range(40)] * 2
    with ThreadPoolExecutor(8) as pool:
        statuses = [answer.status for answer in pool.map(receiver.receive, requests)]
    assert inside.done.wait(PATIENCE_S)
    receiver.stop()
    assert statuses == [200] * 80
    assert len({event.id for event in inside.events}) == len(inside.events) == 40
    tallies = {name: counted.count(name) for name in set(counted)}
    assert tallies == {Counted.RECEIVED: 40, Counted.REPEATED: 40, Counted.HANDLED: 40}
    assert asyncio.run(depth(path)) == Depth(0, 0)


ENDS = """
    import sys, threading
    from pathlib import Path
    from offhook.receiver import Receiver, ThreadedReceiver
    from offhook.receiver.sqlite import SqliteQueue
    from offhook.receiver.testing import example_event, signed_request
    from offhook.receiver.testing.stepping import SECRET

    started = threading.Event()

    def handle(event):
        started.set()
        threading.main_thread().join()

    receiver = ThreadedReceiver(Receiver(handle, SECRET, SqliteQueue(Path(sys.argv[1]))))
    print(receiver.receive(signed_request(example_event("call.ended"), SECRET)).status.value)
    started.wait(60)
"""


def test_a_process_that_ends_lets_handlers_finish_and_writes_what_they_did(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    command = [sys.executable, "-c", textwrap.dedent(ENDS), str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert (ended.stdout, ended.stderr) == ("200\n", "")
    assert asyncio.run(depth(path)) == Depth(0, 0)


FORKS = """
    import os, sys
    from pathlib import Path
    from offhook.receiver import Receiver, ThreadedReceiver
    from offhook.receiver.sqlite import SqliteQueue
    from offhook.receiver.testing import example_event, signed_request
    from offhook.receiver.testing.stepping import SECRET

    receiver = ThreadedReceiver(Receiver(print, SECRET, SqliteQueue(Path(sys.argv[1]))))
    if sys.argv[2] == "early":
        receiver.start()
    child = os.fork()
    if child == 0:
        answer = receiver.receive(signed_request(example_event("call.ended"), SECRET))
        os._exit(0 if answer.status == 200 else 3)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize(("when", "exit_code"), [("late", "0"), ("early", "3")])
def test_a_forked_process_starts_its_own_and_refuses_one_that_was_started_before(
    tmp_path: Path, when: str, exit_code: str
) -> None:
    command = [sys.executable, "-c", textwrap.dedent(FORKS), str(tmp_path / "queue.db"), when]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert ended.stdout.splitlines()[-1] == exit_code
    assert ("started before the process forked" in ended.stdout) == (when == "early")


def test_it_starts_again_after_it_was_stopped_and_stops_twice(tmp_path: Path) -> None:
    receiver = ThreadedReceiver(Receiver(print, SECRET, SqliteQueue(tmp_path / "queue.db")))
    event = example_event("call.ended")
    for duplicate in (b"false", b"true"):
        answer = receiver.receive(signed_request(event, SECRET))
        assert duplicate in answer.body
        receiver.stop()
        receiver.stop()


def test_a_queue_that_cannot_be_opened_is_told_to_who_starts_it_and_503_to_senders(
    tmp_path: Path,
) -> None:
    queue = SqliteQueue(tmp_path / "missing" / "queue.db")
    counted: list[Counted] = []
    receiver = ThreadedReceiver(Receiver(print, SECRET, queue, count=counted.append))
    with pytest.raises(Conflict, match="missing"):
        receiver.start()
    with capture_logs() as logs:
        answer = receiver.receive(signed_request(example_event("call.ended"), SECRET))
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert [entry["event"] for entry in logs] == ["receiver_not_started", "request_refused"]
    assert counted == [Counted.REFUSED]


def test_what_is_refused_is_logged_without_its_signature(tmp_path: Path) -> None:
    receiver = ThreadedReceiver(Receiver(print, SECRET, SqliteQueue(tmp_path / "queue.db")))
    request = signed_request(example_event("call.ended"), SECRET)
    forged = SignedRequest({**request.headers, "webhook-signature": "v1,Zm9yZ2Vk"}, request.body)
    with capture_logs() as logs:
        assert receiver.receive(forged).status == 401
    receiver.stop()
    [entry] = logs
    assert (entry["event"], entry["code"]) == ("request_refused", "invalid_signature")
    assert "Zm9y" not in str(entry)
