"""Each event reaches the handler once, in order within its key, whatever the others do."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from offhook.receiver import Arrival, Event, SqliteInbox
from offhook.receiver.handover import Handler, Handover
from offhook.receiver.journal import Journal


def arrival(number: int, key: str = "k") -> Arrival:
    event_id = f"evt_{number:04}"
    return Arrival(event_id, key, f'{{"key":"{key}","sequence":{number}}}'.encode())


class Desk:
    """A journal and a handover on a real inbox, without HTTP."""

    def __init__(self, inbox: SqliteInbox, handler: Handler, window: int) -> None:
        self.journal = Journal(inbox)
        self.handover = Handover(
            handler=handler,
            inbox=inbox,
            mark_handled=self.journal.mark_handled,
            concurrency=4,
            retry_delays_s=(0,),
            window=window,
        )


@asynccontextmanager
async def desk(
    path: Path, handler: Handler, *, window: int = 1000, grace_s: float = 5
) -> AsyncIterator[Desk]:
    inbox = SqliteInbox(path)
    made = Desk(inbox, handler, window)
    writing = asyncio.create_task(made.journal.run(made.handover.offer))
    reading = asyncio.create_task(made.handover.run())
    try:
        yield made
    finally:
        reading.cancel()
        await made.handover.stop(grace_s)
        made.journal.stop()
        await writing
        await inbox.close()


async def until(condition: asyncio.Condition, reached: object) -> None:
    async with condition:
        await asyncio.wait_for(condition.wait_for(reached), 20)


class Recorder:
    """A handler that fails as told, and counts."""

    def __init__(self, failures: dict[str, int] | None = None) -> None:
        self.failures = dict(failures or {})
        self.handled: dict[str, list[int]] = defaultdict(list)
        self.changed = asyncio.Condition()

    async def __call__(self, event: Event) -> None:
        await asyncio.sleep(0)
        left = self.failures.get(event.id, 0)
        self.failures[event.id] = left - 1
        if left > 0:
            raise ConnectionError("the CRM is down")
        async with self.changed:
            self.handled[event.key].append(event.sequence or 0)
            self.changed.notify_all()

    async def until_handled(self, count: int) -> None:
        await until(self.changed, lambda: sum(map(len, self.handled.values())) >= count)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    keys=st.lists(st.sampled_from("abc"), min_size=1, max_size=40),
    failures=st.dictionaries(st.integers(0, 39), st.integers(1, 3), max_size=5),
    window=st.integers(1, 8),
)
def test_every_event_is_handled_once_and_in_order_per_key(
    tmp_path_factory: pytest.TempPathFactory,
    keys: list[str],
    failures: dict[int, int],
    window: int,
) -> None:
    """Through a window that is too small, and through failures."""

    async def play() -> Recorder:
        path = tmp_path_factory.mktemp("inbox") / "inbox.db"
        recorder = Recorder({f"evt_{number:04}": times for number, times in failures.items()})
        async with desk(path, recorder, window=window) as made:
            recording = [
                made.journal.record(arrival(number, key)) for number, key in enumerate(keys)
            ]
            await asyncio.gather(*recording)
            await recorder.until_handled(len(keys))
        async with desk(path, recorder):
            pass
        return recorder

    recorder = asyncio.run(play())
    for key in set(keys):
        expected = [number for number, of in enumerate(keys) if of == key]
        assert recorder.handled[key] == expected


async def test_a_key_that_fails_keeps_back_no_other(tmp_path: Path) -> None:
    recorder = Recorder({"evt_0000": 10**9})
    async with desk(tmp_path / "inbox.db", recorder) as made:
        for number in range(10):
            await made.journal.record(arrival(number, "ab"[number % 2]))
        await recorder.until_handled(5)
    assert recorder.handled == {"b": [1, 3, 5, 7, 9]}
    healed = Recorder()
    async with desk(tmp_path / "inbox.db", healed):
        await healed.until_handled(5)
    assert healed.handled == {"a": [0, 2, 4, 6, 8]}


async def test_keys_are_handled_at_once_up_to_the_bound(tmp_path: Path) -> None:
    busy, most, changed, go = 0, 0, asyncio.Condition(), asyncio.Event()

    async def handler(event: Event) -> None:
        nonlocal busy, most
        async with changed:
            busy += 1
            most = max(most, busy)
            changed.notify_all()
        await go.wait()
        busy -= 1

    async with desk(tmp_path / "inbox.db", handler) as made:
        for number in range(8):
            await made.journal.record(arrival(number, f"key_{number}"))
        await until(changed, lambda: busy == 4)
        go.set()
        await until(changed, lambda: not made.handover._lanes or busy == 4)
    assert most == 4


async def test_stopping_waits_for_a_running_handler_and_records_it(tmp_path: Path) -> None:
    started, seen = asyncio.Event(), []

    async def handler(event: Event) -> None:
        started.set()
        await made.handover._stopping.wait()
        seen.append(event.id)

    async with desk(tmp_path / "inbox.db", handler) as made:
        await made.journal.record(arrival(1))
        await made.journal.record(arrival(2))
        await started.wait()
    assert seen == ["evt_0001"]
    recorder = Recorder()
    async with desk(tmp_path / "inbox.db", recorder):
        await recorder.until_handled(1)
    assert recorder.handled == {"k": [2]}


async def test_stopping_cancels_a_handler_that_hangs_and_its_event_comes_again(
    tmp_path: Path,
) -> None:
    started = asyncio.Event()

    async def hang(event: Event) -> None:
        started.set()
        await asyncio.Event().wait()

    async with desk(tmp_path / "inbox.db", hang, grace_s=0.01) as made:
        await made.journal.record(arrival(1))
        await started.wait()
    recorder = Recorder()
    async with desk(tmp_path / "inbox.db", recorder):
        await recorder.until_handled(1)
    assert recorder.handled == {"k": [1]}
