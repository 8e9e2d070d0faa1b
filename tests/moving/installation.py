"""A stopped installation on SQLite that has something of everything."""

from pathlib import Path

from offhook.delivery.entries import (
    Answer,
    DeliveryFilter,
    DeliveryStatus,
    PartitionChanges,
    Request,
)
from offhook.delivery.filter_faults import FilterFaults
from offhook.delivery.replays.entries import (
    ReplayCounts,
    ReplayJob,
    ReplayProgress,
    ReplayScope,
)
from offhook.delivery.stats.figures import Cell
from offhook.log.entries import Submission
from offhook.log.fold import fold
from offhook.model.event import LogEvent, to_ms
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId, EventId, KeyId, ReplayId, WebhookId
from offhook.resources.ports import StoredKey
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.conformance.material import CONSUMER, call_fact, plain
from offhook.testing.engine import Bench
from offhook.testing.network import OK, Gate, ScriptedNetwork, arrival

OTHER = AccountId("acc_other")
KEYS = tuple("abcdefgh")
DIGEST = b"\x00digest"
STORED_KEY = StoredKey(KeyId("key_1"), DEFAULT_ACCOUNT, True, ("read", "write"), 7)
TRIMMED = 18

FAULTS = FilterFaults(3, "there is no field 'x'", EventId("evt_1"), 1_700_000_000_000)
DOWN = Answer(503, body=b"\xff not\x00 now")
GONE = Answer(410)
_SLOWLY = {"delays_s": [3_600], "until_s": 86_400}
_ONCE = {"delays_s": [1]}


class Nobody:
    """A watch that does not look."""

    def expect(self, rows: int) -> None:
        pass

    def passed(self, step: str, rows: int) -> None:
        pass


class Installation:
    """Made by ``fill``. ``network`` has what was accepted before the server stopped."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder = folder
        self.clock = clock
        self.log: list[LogEvent] = []
        self._began_ms = to_ms(clock.now())
        self.token_key = b""
        self.gate = Gate()
        self.network = ScriptedNetwork(self._answer)

    async def fill(self) -> None:
        """Traffic, retries, lanes, a range, what was given up, what was canceled, a request to try
        again, ids of the callers' own, calls with timers, another account; then stop, and trim."""
        store = open_sqlite(self.folder, clock=self.clock)
        await store.keys.put_account(DEFAULT_ACCOUNT, "Default")
        await store.keys.put_account(OTHER, "Other")
        await store.keys.put_key(STORED_KEY, DIGEST)
        bench = Bench(store, self.clock, self.network)
        await self._deliveries(bench)
        await store.log.append(self._facts(), fold)
        await bench.settle()
        await bench.webhook("late")
        await bench.post(*KEYS)
        await bench.settle()
        await self._range(bench)
        await bench.dispatcher.stop()
        await _ask_again(store)
        await self._replays(store)
        await store.stats.add_attempts({Cell(WebhookId("wh_steady"), 29_000_000, 2, 7): 12})
        await store.filters.note_filter_faults({WebhookId("wh_steady"): FAULTS})
        self.log = list((await store.log.read(0, 0, 100_000, 1 << 40)).events)
        await self._trim(store)
        self.token_key = store.token_key
        await store.close()

    async def _deliveries(self, bench: Bench) -> None:
        await bench.webhook("steady")
        await bench.webhook("torn", retry=_SLOWLY)
        await bench.webhook("leaving")
        await bench.post(*KEYS)
        await bench.settle()
        await bench.webhook("strict", retry=_ONCE)
        await bench.webhook("loose", retry=_SLOWLY, ordered=False)
        for _ in range(4):
            await bench.post(*KEYS, "a", "b")
            await bench.settle()
            self.clock.advance(60)

    async def _range(self, bench: Bench) -> None:
        """``slow`` takes nothing and is read ahead for until its memory queue is full."""
        await bench.webhook("slow", max_in_flight=1, retry=_SLOWLY)
        await bench.post(*(f"caller-{number}" for number in range(400)))
        for _ in range(100):
            await bench.step()
        assert await bench.store.dispatch.held(0)
        self.gate.open()

    async def _replays(self, store: SqliteStore) -> None:
        """One that is half done, and one that is over."""
        for name, rate_per_s in (("rpl_1", 0.5), ("rpl_2", 9)):
            job = ReplayJob(
                id=ReplayId(name),
                account=DEFAULT_ACCOUNT,
                webhook=WebhookId("wh_steady"),
                scope=ReplayScope.FAILED,
                since_ms=0,
                until_ms=to_ms(self.clock.now()),
                types=("custom.*",),
                rate_per_s=rate_per_s,
            )
            assert await store.replays.create_replay(job, most=2) is not None
        [lease] = (await store.leases.acquire(CONSUMER, "replays", 10)).taken
        steady = WebhookId("wh_steady")
        half = ReplayProgress(ReplayId("rpl_1"), steady, 40, ReplayCounts(9, 6, 2, 1))
        over = ReplayProgress(ReplayId("rpl_2"), steady, 20, ReplayCounts(3, 1, 2), done=True)
        report = await store.dispatch.apply(
            [PartitionChanges(lease, lease.cursor, replays=(half, over))]
        )
        assert not report.lost
        await store.leases.release([lease])
        await store.leases.leave(CONSUMER, "replays")

    async def _trim(self, store: SqliteStore) -> None:
        """What was there before the first minute was over goes, but for what rows name."""
        age_ms = to_ms(self.clock.now()) - self._began_ms - 1
        while (await store.retention.trim_events(age_ms)).more:
            pass
        kept = await store.log.read(0, 0, 100_000, 1 << 40)
        assert list(kept.events) == self.log[TRIMMED:]

    def _facts(self) -> list[Submission]:
        at = self.clock.now()
        facts = [call_fact(f"c{n}", at=at, contact=f"+1202555{n:04d}") for n in range(5)]
        facts += [call_fact(f"c{n}", "call.ended", at=at) for n in (1, 3)]
        facts += [call_fact("t", at=at, contact="+12025550100", test=True)]
        facts += [plain(f"own-{n}", given=f"given-{n}", headers={"x-n": f"{n}"}) for n in range(6)]
        facts += [plain(None, given="given-key"), plain(None, 1), plain(None, 2), plain(None, 3)]
        return [*facts, plain("a", account=OTHER), plain("a", account=OTHER, given="given-1")]

    def _answer(self, request: Request) -> Answer:
        seen = arrival(request)
        if "slow" in request.url:
            return self.gate(request)
        if "torn" in request.url and seen.key == "a" and seen.sequence > 2:
            return DOWN
        if "strict" in request.url and seen.key == "b" and seen.sequence < 6:
            return DOWN
        if "loose" in request.url and seen.key in "cd":
            return DOWN
        if "leaving" in request.url and seen.key == "h" and seen.sequence > 2:
            return GONE
        return OK


async def _ask_again(store: SqliteStore) -> None:
    failed = DeliveryFilter(status=DeliveryStatus.FAILED)
    [view, *_] = await listed(store, failed)
    await store.deliveries.request_retry(view.webhook, view.partition, view.position)
