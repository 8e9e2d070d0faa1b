"""What an endpoint gets of what it subscribed to, and what it is not to know.

Subclass ``FilterConformance`` with the fixtures ``store`` and ``clock``.
"""

import asyncio

import msgspec

from offhook.delivery.entries import Answer, DeliveryFilter, Request
from offhook.delivery.filter_faults import FilterFaults
from offhook.log.entries import Submission
from offhook.model.event import to_ms
from offhook.model.ids import DEFAULT_ACCOUNT, EventId, WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.lists import listed
from offhook.testing.conformance.material import (
    OTHER_ACCOUNT,
    WEBHOOK,
    appended,
    call_fact,
    make_webhook,
    plain,
)
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import OK, Script, ScriptedNetwork

NUMBER = "+12145550123"
DOWN = Answer(503, body=b"down")


class _Sent(msgspec.Struct):
    id: str
    key: str
    data: dict[str, object]


class FilterConformance:
    """Filters, contact lists, tests and masks hold on every store, through retries and restarts."""

    async def test_only_what_the_filter_is_true_of_is_sent(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        await bench.webhook("long", filter="data.talk_s != null && data.talk_s > 90")
        await bench.webhook("all")
        await appended(store, *(plain(f"k{n}", data=_data(talk_s=n * 50)) for n in range(4)))
        await bench.settle()
        assert _keys(bench, "long") == ["k2", "k3"]
        assert _keys(bench, "all") == ["k0", "k1", "k2", "k3"]

    async def test_a_changed_filter_counts_from_then_on(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        webhook = await bench.webhook("crm", filter="data.n == 1")
        await appended(store, plain("a", data=_data(n=1)), plain("b", data=_data(n=2)))
        await bench.settle()
        document = msgspec.json.encode(
            {"url": "https://crm.example/hook", "events": ["*"], "filter": "data.n == 2"}
        )
        assert await store.webhooks.replace_webhook(DEFAULT_ACCOUNT, webhook, document, 1)
        await appended(store, plain("c", data=_data(n=1)), plain("d", data=_data(n=2)))
        await bench.settle()
        assert _keys(bench, "crm") == ["a", "d"]

    async def test_an_event_that_a_filter_fails_on_does_not_match_and_is_counted(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        webhook = await bench.webhook("crm", filter="data.n > 1")
        events = await appended(
            store,
            plain("a", data=_data(n="one")),
            plain("b", data=_data(n=2)),
            plain("c", data=_data()),
        )
        await bench.settle()
        await bench.dispatcher.stop()
        assert _keys(bench, "crm") == ["b"]
        faults = await _faults(store, webhook)
        assert faults is not None
        assert faults.errors == 2
        assert faults.last_event in {events[0].id, events[2].id}
        assert faults.last_ms == to_ms(clock.now())

    async def test_faults_that_processes_saw_add_up_and_go_with_the_webhook(
        self, store: ConformingStore
    ) -> None:
        await make_webhook(store)
        seen = [FilterFaults(n, f"fault {n}", EventId(f"evt_{n}"), 1_000 + n) for n in range(1, 9)]
        await asyncio.gather(
            *(
                store.filters.note_filter_faults({WEBHOOK: it, WebhookId("wh_gone"): it})
                for it in reversed(seen)
            )
        )
        expected = FilterFaults(36, "fault 8", EventId("evt_8"), 1_008)
        assert await _faults(store, WEBHOOK) == expected
        [listed] = await store.webhooks.list_webhooks(DEFAULT_ACCOUNT, None, 10)
        assert listed.filter_faults == expected
        await store.webhooks.delete_webhook(DEFAULT_ACCOUNT, WEBHOOK)
        for name in (WEBHOOK, WebhookId("wh_gone")):
            assert (await make_webhook(store, name)).filter_faults is None

    async def test_an_endpoint_with_contact_lists_gets_the_events_of_their_contacts(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        await bench.webhook("vip", contact_list_ids=["list_1", "list_2"])
        lists: tuple[list[str], ...] = ([], ["list_2"], ["list_3"], ["list_3", "list_1"])
        facts = [plain(f"k{n}", data=_data(contact_list_ids=its)) for n, its in enumerate(lists)]
        await appended(store, *facts, plain("none", data=_data()))
        await bench.settle()
        assert _keys(bench, "vip") == ["k1", "k3"]

    async def test_lists_that_are_named_oddly_match_by_what_they_say_and_stop_nothing(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        await bench.webhook("vip", contact_list_ids=["7", "list_1"])
        await bench.webhook("all")
        odd: tuple[object, ...] = (
            [7],
            ["7", None],
            "7",
            [None, {}, [], 7.0, True],
            {},
            7,
            None,
            [1 << 70, "list_1"],
        )
        facts = [plain(f"k{n}", data=_data(contact_list_ids=it)) for n, it in enumerate(odd)]
        await appended(store, *facts)
        await bench.settle()
        assert _keys(bench, "vip") == ["k0", "k1", "k7"]
        assert _keys(bench, "all") == [f"k{n}" for n in range(len(odd))]

    async def test_a_test_event_reaches_only_who_asks_for_tests(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        await bench.webhook("live")
        await bench.webhook("tried", test=True)
        real = call_fact("real", at=clock.now())
        tried = call_fact("tried", at=clock.now(), test=True)
        events = await appended(store, real, tried)
        await bench.settle()
        assert _keys(bench, "live") == [events[0].key]
        assert _keys(bench, "tried") == sorted(event.key for event in events)

    async def test_an_event_brings_its_headers_and_replaces_none_that_the_owner_set(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork())
        await bench.webhook("crm", headers={"X-Env": "prod", "X-Api-Key": "own"})
        await appended(store, plain("a", headers={"x-api-key": "event", "x-lead": "7"}))
        await bench.settle()
        headers = bench.network.requests[0].headers
        assert (headers["X-Env"], headers["x-lead"]) == ("prod", "7")
        assert [it for name, it in headers.items() if name.lower() == "x-api-key"] == ["own"]

    async def test_a_masked_endpoint_never_learns_the_number_and_can_still_join(
        self, store: ConformingStore, clock: FakeClock
    ) -> None:
        bench = Bench(store, clock, ScriptedNetwork(_first_refused()))
        webhook = await bench.webhook("masked", mask_caller_id=True)
        await bench.webhook("open")
        await appended(
            store, _call("one", clock), _call("two", clock), _call("x", clock, other=True)
        )
        await bench.settle()
        await bench.pass_time(10)
        sent = [_sent(it) for it in bench.network.requests if "masked" in it.url]
        assert len(sent) == 4, "one was refused and sent again"
        assert not any(
            "5550123" in _bare(it) for it in bench.network.requests if "masked" in it.url
        )
        assert {it.data["caller_id"] for it in sent} == {"+1********23", "+1********99"}
        hashes = [it.data["contact_hash"] for it in sent]
        assert len(set(hashes)) == 2
        plainly = [_sent(it) for it in bench.network.requests if "open" in it.url]
        assert NUMBER in {it.data["caller_id"] for it in plainly}
        views = await listed(store, DeliveryFilter(webhook=webhook))
        assert not any("5550123" in repr(view) for view in views)

    async def test_accounts_have_keys_of_their_own_to_hash_contacts_with(
        self, store: ConformingStore
    ) -> None:
        await make_webhook(store)
        await make_webhook(store, "wh_b", OTHER_ACCOUNT)
        keys = {it.account: it.hash_key for it in (await store.dispatch.webhooks()).webhooks}
        assert len(set(keys.values())) == 2
        assert all(len(key) == 32 for key in keys.values())
        shown = await store.webhooks.webhook(DEFAULT_ACCOUNT, WEBHOOK)
        [listed] = await store.webhooks.list_webhooks(OTHER_ACCOUNT, None, 10)
        assert shown is not None
        assert {shown.account: shown.hash_key, listed.account: listed.hash_key} == keys
        await make_webhook(store, "wh_c")
        again = {it.account: it.hash_key for it in (await store.dispatch.webhooks()).webhooks}
        assert again == keys


def _data(**fields: object) -> bytes:
    return msgspec.json.encode(fields)


def _call(name: str, clock: FakeClock, *, other: bool = False) -> Submission:
    last = "0199" if other else "0123"
    return call_fact(
        name,
        at=clock.now(),
        contact=f"+1214555{last}",
        caller_raw=f"(214) 555-{last}",
        tags=(f"214 555 {last}",),
    )


def _first_refused() -> Script:
    seen = set[str]()

    def script(request: Request) -> Answer:
        first = not seen and "masked" in request.url
        seen.add(request.url)
        return DOWN if first else OK

    return script


def _keys(bench: Bench, name: str) -> list[str]:
    """Of the events that an endpoint accepted, in alphabetical order."""
    url = f"https://{name}.example/hook"
    return sorted(it.key for it in bench.network.accepted if it.url == url)


def _sent(request: Request) -> _Sent:
    return msgspec.json.decode(request.body, type=_Sent)


def _bare(request: Request) -> str:
    """The digits of all that goes over the wire."""
    told = request.body.decode() + repr(request.headers)
    return "".join(it for it in told if it.isdecimal())


async def _faults(store: ConformingStore, webhook: WebhookId) -> FilterFaults | None:
    stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, webhook)
    assert stored is not None
    return stored.filter_faults
