"""Each event is handed over once and in order, whatever the handler does; what fails comes back."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from structlog.testing import capture_logs

from offhook.receiver import Counted, Event, Handling, Receiver, RetryPolicy
from offhook.receiver.event import stored_body
from offhook.receiver.ports import Arrival, Receipt, Settlement, Taken, Verdict
from offhook.receiver.retrying import settled
from offhook.receiver.sqlite import SqliteQueue
from offhook.receiver.testing import Handed, SteppedReceiver
from offhook.receiver.testing.stepping import SECRET

STEADY = RetryPolicy(delays_s=(1, 10), max_attempts=3)
HANDLED = Verdict.HANDLED


def document(number: int, key: str = "k", type_: str = "call.ended") -> dict[str, object]:
    return {"id": f"evt_{number}", "type": type_, "key": key, "sequence": number}


class Recorder:
    """A handler that fails as often as told, and remembers what it did."""

    def __init__(self, failures: dict[str, int] | None = None) -> None:
        self.failures = dict(failures or {})
        self.done: dict[str, list[int]] = defaultdict(list)

    async def __call__(self, event: Event) -> None:
        left = self.failures.get(event.id, 0)
        if left > 0:
            self.failures[event.id] = left - 1
            raise ConnectionError("the CRM at +1 (214) 555-0123 is down")
        self.done[event.key].append(event.sequence or 0)


@settings(max_examples=30, deadline=None)
@given(
    keys=st.lists(st.sampled_from("abc"), min_size=1, max_size=30),
    failures=st.dictionaries(st.integers(0, 29), st.integers(1, 2), max_size=5),
    concurrency=st.integers(1, 4),
)
def test_every_event_is_handled_once_and_in_order_per_key(
    keys: list[str], failures: dict[int, int], concurrency: int
) -> None:
    recorder = Recorder({f"evt_{number}": times for number, times in failures.items()})
    handling = Handling(STEADY, concurrency=concurrency)

    async def play() -> None:
        async with SteppedReceiver(recorder, handling=handling) as receiver:
            for number, key in enumerate(keys):
                await receiver.deliver(document(number, key))
                await receiver.deliver(document(number, key))
                await receiver.run_once()
            while (await receiver.queue.depth()).waiting:
                await receiver.run()
                receiver.clock.advance(10)

    asyncio.run(play())
    for key in set(keys):
        assert recorder.done[key] == [number for number, of in enumerate(keys) if of == key]


async def test_what_fails_comes_again_by_the_policy_and_is_given_up_at_its_end() -> None:
    recorder = Recorder({"evt_1": 3})
    async with SteppedReceiver(recorder, handling=Handling(STEADY)) as receiver:
        await receiver.deliver(document(1))
        await receiver.deliver(document(2))
        error = "ConnectionError: the CRM at +1 (214) 555-0123 is down"
        first = await receiver.run()
        assert [(each.verdict, each.again_in_s) for each in first] == [(Verdict.RETRY, 1)]
        assert first[0].error.startswith("ConnectionError: the CRM at ")
        assert first[0].error != error
        assert "555" not in first[0].error
        receiver.clock.advance(1)
        assert [each.again_in_s for each in await receiver.run()] == [10]
        receiver.clock.advance(10)
        last = await receiver.run()
        assert [(each.event_id, each.attempt, each.verdict) for each in last] == [
            ("evt_1", 3, Verdict.DEAD),
            ("evt_2", 1, HANDLED),
        ]
        [letter] = await receiver.queue.dead_letters()
        assert (letter.event.id, letter.event.sequence, letter.attempts) == ("evt_1", 1, 3)


async def test_a_repeat_of_a_dead_letter_is_accepted_logged_and_leaves_it_dead() -> None:
    recorder = Recorder({"evt_1": 1})
    once = Handling(RetryPolicy(max_attempts=1))
    async with SteppedReceiver(recorder, handling=once) as receiver:
        await receiver.deliver(document(1))
        await receiver.run()
        with capture_logs() as logs:
            answer = await receiver.deliver(document(1))
        assert (answer.status, answer.body) == (200, b'{"received":true,"duplicate":true}')
        assert [entry["event"] for entry in logs] == ["repeat_of_dead_letter"]
        assert await receiver.run() == []
        await receiver.queue.retry_dead(["evt_1"])
        assert await receiver.run() == [Handed("evt_1", 1, HANDLED)]


async def test_a_key_that_fails_keeps_back_no_other_and_without_order_nothing() -> None:
    for ordered, expected in ((True, ["evt_3"]), (False, ["evt_2", "evt_3"])):
        recorder = Recorder({"evt_1": 1})
        async with SteppedReceiver(recorder, ordered=ordered) as receiver:
            for number, key in ((1, "a"), (2, "a"), (3, "b")):
                await receiver.deliver(document(number, key))
            handed = await receiver.run()
            assert sorted(each.event_id for each in handed if each.verdict is HANDLED) == expected


async def test_no_more_are_handled_at_once_than_the_bound() -> None:
    busy, most = 0, 0

    async def handler(event: Event) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1

    async with SteppedReceiver(handler, handling=Handling(concurrency=3)) as receiver:
        for number in range(8):
            await receiver.deliver(document(number, f"k{number}"))
        assert len(await receiver.run()) == 8
    assert most == 3


async def test_a_coroutine_that_takes_too_long_is_cancelled_and_tried_again() -> None:
    cancelled: list[str] = []

    async def hang(event: Event) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(event.id)
            raise

    quick = Handling(timeout_s=0.01)
    async with SteppedReceiver(hang, handling=quick) as receiver:
        await receiver.deliver(document(1))
        [handed] = await receiver.run_once()
    assert (handed.verdict, handed.error, cancelled) == (Verdict.RETRY, "TimeoutError", ["evt_1"])


async def test_a_plain_function_that_takes_too_long_keeps_its_place_until_it_returns() -> None:
    go, runs = threading.Event(), []

    def hang(event: Event) -> None:
        runs.append(event.id)
        if event.id == "evt_1":
            go.wait(60)

    quick = Handling(timeout_s=1, concurrency=1)
    async with SteppedReceiver(hang, handling=quick) as receiver:
        await receiver.deliver(document(1, "a"))
        await receiver.deliver(document(2, "b"))
        [handed] = await receiver.run_once()
        assert (handed.verdict, handed.error) == (Verdict.RETRY, "TimeoutError")
        assert await receiver.run() == []
        go.set()
        async with asyncio.timeout(60):
            while not (found := await receiver.run()):
                await asyncio.sleep(0.001)
        assert found == [Handed("evt_2", 1, HANDLED)]
    assert runs == ["evt_1", "evt_2"]


async def test_plain_functions_run_beside_the_event_loop_and_their_failures_count() -> None:
    threads: list[str] = []

    def handler(event: Event) -> None:
        threads.append(threading.current_thread().name)
        if event.id == "evt_1":
            raise ValueError("no such contact")

    async with SteppedReceiver(handler) as receiver:
        await receiver.deliver(document(1, "a"))
        await receiver.deliver(document(2, "b"))
        handed = {each.event_id: each for each in await receiver.run()}
    assert handed["evt_1"].error == "ValueError: no such contact"
    assert handed["evt_2"].verdict is HANDLED
    assert threads == ["offhook-handler"] * 2


async def test_each_type_goes_to_its_handler_and_one_without_is_done_with() -> None:
    seen: list[tuple[str, str]] = []

    def noting(name: str) -> object:
        return lambda event: seen.append((name, event.id))

    handlers = {"call.ended": noting("ended"), "call.*": noting("call")}
    async with SteppedReceiver(handlers) as receiver:
        types = ("call.ended", "call.started", "contact.created", "")
        for number, type_ in enumerate(types):
            await receiver.deliver(document(number, f"k{number}", type_))
        with capture_logs() as logs:
            handed = await receiver.run()
    assert [each.verdict for each in handed] == [HANDLED] * 4
    assert sorted(seen) == [("call", "evt_1"), ("ended", "evt_0")]
    assert [entry["event"] for entry in logs] == ["event_without_handler"] * 2


async def dies(receiver: SteppedReceiver, times: int) -> None:
    """A process takes all that is due and dies, so many times."""
    for _ in range(times):
        assert await receiver.queue.take("dies", 10, 15)
        receiver.clock.advance(15)


async def test_an_event_that_processes_die_with_is_given_up() -> None:
    recorder = Recorder()
    async with SteppedReceiver(recorder, handling=Handling(STEADY)) as receiver:
        await receiver.deliver(document(1))
        await dies(receiver, STEADY.max_attempts + 3)
        [handed] = await receiver.run()
        assert (handed.verdict, recorder.done) == (Verdict.DEAD, {})
        assert "the process ended" in handed.error


async def test_what_ran_beside_a_cause_of_crashes_is_tried_alone_and_not_given_up() -> None:
    """Whatever else is there: what is in hand is finished before, what comes is begun after."""
    beside: dict[str, set[str]] = {}
    running: set[str] = set()
    begun_before_others_were_given_back: set[str] = set()

    async def handle(event: Event) -> None:
        running.add(event.id)
        for each in running:
            beside.setdefault(each, set()).update(running)
        await asyncio.sleep(0)
        running.remove(event.id)

    class Watched(SqliteQueue):
        async def commit(
            self, holder: str, arrivals: Sequence[Arrival], settlements: Sequence[Settlement]
        ) -> list[Receipt]:
            if any(end.verdict is Verdict.RELEASED for end in settlements):
                begun_before_others_were_given_back.update(running & {"evt_1", "evt_2", "evt_3"})
            return await super().commit(holder, arrivals, settlements)

    async with SteppedReceiver(
        handle, handling=Handling(STEADY), queue=lambda clock: Watched(":memory:", clock=clock)
    ) as receiver:
        for number in (1, 2, 3):
            await receiver.deliver(document(number, f"k{number}"))
        await dies(receiver, STEADY.max_attempts)
        for number in (4, 5):
            await receiver.deliver(document(number, f"k{number}"))
        handed = [each for each in await receiver.run() if each.verdict is not Verdict.RELEASED]
    assert sorted((each.event_id, each.attempt, each.verdict) for each in handed) == [
        *((f"evt_{number}", STEADY.max_attempts + 1, HANDLED) for number in (1, 2, 3)),
        *((f"evt_{number}", 1, HANDLED) for number in (4, 5)),
    ]
    assert [beside[f"evt_{number}"] for number in (1, 2, 3)] == [{"evt_1"}, {"evt_2"}, {"evt_3"}]
    assert beside["evt_4"] == {"evt_4", "evt_5"}
    assert begun_before_others_were_given_back == set()


async def test_a_stop_gives_back_what_waits_to_be_tried_alone() -> None:
    async def hang(event: Event) -> None:
        await asyncio.Event().wait()

    async with SteppedReceiver(hang, handling=Handling(STEADY)) as receiver:
        await receiver.deliver(document(1, "a"))
        await dies(receiver, STEADY.max_attempts)
        await receiver.deliver(document(2, "b"))
        assert await receiver._worker.run_once() == 2
        await asyncio.sleep(0)
        await receiver._worker.stop(0)
        await receiver._journal.run_once(receiver._committed)
        taken = await receiver.queue.take("next", 10, 15)
    assert sorted((each.event_id, each.attempt) for each in taken) == [("evt_1", 4), ("evt_2", 1)]


@pytest.mark.parametrize("error", [StopIteration(), SystemExit(1), asyncio.CancelledError()])
@pytest.mark.parametrize("plain", [True, False])
async def test_a_handler_that_raises_something_odd_has_failed_like_any_other(
    error: BaseException, plain: bool
) -> None:
    def fail(event: Event) -> None:
        raise error

    async def fail_async(event: Event) -> None:
        raise error

    async with SteppedReceiver(fail if plain else fail_async) as receiver:
        await receiver.deliver(document(1))
        [handed] = await receiver.run()
    assert (handed.verdict, handed.again_in_s) == (Verdict.RETRY, 1)
    assert handed.error


class Speechless(Exception):
    def __str__(self) -> str:
        raise ValueError("nothing to say")


@pytest.mark.parametrize("error", [Speechless(), BaseExceptionGroup("both", [SystemExit(1)])])
async def test_an_error_that_cannot_be_told_fails_its_attempt_and_holds_no_lane(
    error: BaseException,
) -> None:
    failing = iter([True])

    async def fail(event: Event) -> None:
        if next(failing, False):
            raise error

    async with SteppedReceiver(fail) as receiver:
        await receiver.deliver(document(1))
        [handed] = await receiver.run()
        assert handed.verdict is Verdict.RETRY
        assert handed.error.startswith(type(error).__name__)
        receiver.clock.advance(1)
        assert await receiver.run() == [Handed("evt_1", 2, HANDLED)]


async def test_a_log_or_a_counter_that_fails_holds_up_nothing() -> None:
    def fail(logger: object, name: str, entry: object) -> str:
        raise OSError("no space left for logs")

    recorder = Recorder({"evt_1": 1})
    with capture_logs(processors=[fail]), suppress(OSError):
        async with SteppedReceiver(recorder, handling=Handling(STEADY)) as receiver:
            await receiver.deliver(document(1))
            [handed] = await receiver.run()
            assert handed.verdict is Verdict.RETRY


async def test_an_event_that_cannot_be_read_any_more_is_given_up() -> None:
    recorder = Recorder()
    async with SteppedReceiver(recorder) as receiver:
        await receiver.queue.commit("h", [Arrival("evt_1", "k", b"{")], [])
        [handed] = await receiver.run()
    assert (handed.verdict, recorder.done) == (Verdict.DEAD, {})
    assert "cannot be read" in handed.error


async def test_stopping_gives_back_what_does_not_finish_in_time() -> None:
    async def hang(event: Event) -> None:
        await asyncio.Event().wait()

    async with SteppedReceiver(hang) as receiver:
        await receiver.deliver(document(1))
        await receiver._worker.run_once()
        await asyncio.sleep(0)
        await receiver._worker.stop(0)
        await receiver._journal.run_once(receiver._committed)
        [taken] = await receiver.queue.take("next", 10, 15)
        assert (taken.event_id, taken.attempt) == ("evt_1", 1)


class SlowQueue(SqliteQueue):
    """Takes when it is told to."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def take(self, holder: str, limit: int, lease_s: float) -> list[Taken]:
        taken = await super().take(holder, limit, lease_s)
        if taken:
            self.asked.set()
            await self.go.wait()
        return taken


async def test_stopping_gives_back_what_is_being_taken_as_not_tried() -> None:
    recorder, queue = Recorder(), SlowQueue()
    async with SteppedReceiver(recorder, queue=lambda _: queue) as receiver:
        await receiver.deliver(document(1))
        taking = asyncio.create_task(receiver._worker.run_once())
        await queue.asked.wait()
        stopping = asyncio.create_task(receiver._worker.stop(0))
        await asyncio.sleep(0)
        queue.go.set()
        await stopping
        assert await taking == 0
        await receiver._journal.run_once(receiver._committed)
        [taken] = await queue.take("next", 10, 15)
    assert (taken.event_id, taken.attempt, recorder.done) == ("evt_1", 1, {})


async def test_what_is_being_handled_is_held_until_the_grace_of_a_stop_is_over() -> None:
    started, renewed = asyncio.Event(), asyncio.Event()

    class Renewing(SqliteQueue):
        async def renew(self, holder: str, lanes: Sequence[str], lease_s: float) -> None:
            await super().renew(holder, lanes, lease_s)
            renewed.set()

    async def handle_until_renewed(event: Event) -> None:
        started.set()
        await stopping.wait()
        renewed.clear()
        await renewed.wait()

    handling, stopping = Handling(lease_s=3, poll_s=0.01), asyncio.Event()
    queue = Renewing(":memory:")
    await queue.open()
    await queue.commit("putter", [Arrival("evt_1", "k", stored_body(Event("evt_1", "", "k")))], [])
    counted: list[Counted] = []
    receiver = Receiver(
        handle_until_renewed,
        SECRET,
        queue,
        handling=handling,
        stop_grace_s=60,
        count=counted.append,
    )
    async with asyncio.timeout(60):
        async with receiver.running():
            await started.wait()
            stopping.set()
    assert counted == [Counted.HANDLED]


async def test_an_attempt_that_was_taken_over_does_not_let_go_of_the_one_that_runs() -> None:
    """As after a process was suspended for longer than its lease, and took its own event again."""
    go: list[asyncio.Event] = [asyncio.Event(), asyncio.Event()]
    waiting = iter(go)

    async def handle(event: Event) -> None:
        await next(waiting).wait()

    async with SteppedReceiver(handle) as receiver:
        await receiver.deliver(document(1))
        await receiver._worker.run_once()
        receiver.clock.advance(15)
        await receiver._worker.run_once()
        await asyncio.sleep(0)
        go[0].set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await receiver._journal.run_once(receiver._worker.committed)
        assert [taken.attempt for taken in receiver._worker._held.values()] == [2]
        go[1].set()


async def test_the_log_says_what_failed_and_where_and_no_phone_number() -> None:
    async with SteppedReceiver(Recorder({"evt_1": 1})) as receiver:
        await receiver.deliver(document(1, "+12145550123"))
        with capture_logs() as logs:
            await receiver.run()
    [entry] = logs
    assert (entry["event"], entry["event_id"], entry["attempt"]) == ("handler_failed", "evt_1", 1)
    assert (entry["key"], entry["again_in_s"]) == ("*********23", 1)
    assert "test_handing_over.py" in entry["trace"][-1]
    assert entry["trace"][-1].endswith(" __call__")
    assert "555" not in str(entry)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RetryPolicy(delays_s=()),
        lambda: RetryPolicy(delays_s=(-1,)),
        lambda: RetryPolicy(max_attempts=0),
        lambda: RetryPolicy(jitter=2),
        lambda: Handling(concurrency=0),
        lambda: Handling(timeout_s=0),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"is .*; give"):
        make()


@given(attempt=st.integers(1, 12), rnd=st.floats(0, 1, exclude_max=True))
def test_delays_are_spread_around_those_of_the_policy(attempt: int, rnd: float) -> None:
    policy = RetryPolicy(delays_s=(1, 5, 30), max_attempts=12, jitter=0.2)
    taken = Taken("e", "k", b"", attempt)
    end = policy.after_failure(taken, "no", rnd)
    if attempt == 12:
        assert end == settled(taken, Verdict.DEAD, error="no")
    else:
        base = (1, 5, 30)[min(attempt, 3) - 1]
        assert 0.8 * base <= end.delay_s <= 1.2 * base
