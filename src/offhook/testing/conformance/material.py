"""What the suites feed to a store, and how they look at what it made of it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from offhook.delivery.entries import AttemptRecord, PendingRow, PendingState, StoredWebhook
from offhook.log.entries import Appended, AppendOutcome, Lease, Submission
from offhook.log.fold import fold
from offhook.log.leasing import LEASE_S
from offhook.model.call import Direction
from offhook.model.event import EventRef, LogEvent
from offhook.model.fact import CallFact, ContactProbe, FactKind, PlainFact
from offhook.model.ids import (
    DEFAULT_ACCOUNT,
    AccountId,
    CallId,
    EventId,
    WebhookId,
    call_id,
    partition_of,
)
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.stores import ConformingStore
from offhook.testing.engine import Bench
from offhook.testing.network import ScriptedNetwork

WEBHOOK = WebhookId("wh_a")
URL = "https://crm.example/hook"
"""Of every endpoint of the suites, unless they say otherwise."""
OTHER_ACCOUNT = AccountId("acc_other")
CONSUMER = "deliver"
SECRET = "whsec_" + "YWFh" * 8
TTL_S = 10.0

_EVERYTHING = 1 << 40


def plain(
    key: str | None,
    number: int = 0,
    *,
    account: AccountId = DEFAULT_ACCOUNT,
    type_: str = "custom.noted",
    given: str | None = None,
    data: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Submission:
    """An event of no call; its digest is that of its data."""
    body = data if data is not None else msgspec.json.encode({"number": number})
    return Submission(
        account,
        key,
        PlainFact(type_, key, body, headers),
        len(body),
        given_id=None if given is None else EventId(given),
        digest=body,
    )


def call_named(name: str, account: AccountId = DEFAULT_ACCOUNT) -> CallId:
    """The id of the call that ``call_fact`` speaks of by this name."""
    return call_id(account, "suite", name)


def call_fact(
    name: str,
    type_: str = "call.started",
    *,
    at: datetime,
    account: AccountId = DEFAULT_ACCOUNT,
    contact: str | None = None,
    test: bool = False,
    **fields: object,
) -> Submission:
    """One step of a live inbound call that began ``at``, from ``contact``."""
    stated: dict[str, object] = {"source": "suite", "external_id": name, "started_at": at}
    stated["direction"] = Direction.INBOUND
    if contact is not None:
        stated["caller_id"] = contact
    fact = CallFact(
        call_named(name, account), FactKind.EVENT, type_, {**stated, **fields}, occurred_at=at
    )
    started_ms = int(at.timestamp() * 1000)
    probe = None if contact is None else ContactProbe(contact, started_ms)
    return Submission(account, fact.call_id, fact, 500, test=test, probe=probe)


async def append(store: ConformingStore, *facts: Submission) -> list[AppendOutcome]:
    """Append them as one batch."""
    return await store.log.append(facts, fold)


async def appended(store: ConformingStore, *facts: Submission) -> list[EventRef]:
    """Append them as one batch; all are new."""
    outcomes = await append(store, *facts)
    events = [outcome.event for outcome in outcomes if isinstance(outcome, Appended)]
    assert len(events) == len(facts), outcomes
    return events


async def whole_log(store: ConformingStore) -> list[LogEvent]:
    """All events, partition by partition."""
    slices = [
        await store.log.read(partition, 0, 1_000_000, _EVERYTHING)
        for partition in range(store.log.partitions)
    ]
    return [event for slice_ in slices for event in slice_.events]


async def placed(store: ConformingStore, *facts: Submission) -> list[LogEvent]:
    """Append them as one batch; the events as they stand in the log."""
    wanted = [event.id for event in await appended(store, *facts)]
    found = {event.id: event for event in await whole_log(store)}
    return [found[id_] for id_ in wanted]


async def heads(store: ConformingStore) -> dict[int, int]:
    """The head of each partition."""
    return {at: await store.log.head(at) for at in range(store.log.partitions)}


async def lease_for(
    store: ConformingStore, key: str, owner: str = "suite", consumer: str = CONSUMER
) -> Lease:
    """Take all leases of the consumer; the one on the partition of this key."""
    partition = partition_of(DEFAULT_ACCOUNT, key, store.log.partitions)
    share = await store.leases.acquire(consumer, owner, TTL_S)
    return next(lease for lease in share.taken if lease.partition == partition)


async def make_webhook(
    store: ConformingStore,
    name: str = WEBHOOK,
    account: AccountId = DEFAULT_ACCOUNT,
    **fields: object,
) -> StoredWebhook:
    """Make an endpoint that takes everything; as stored."""
    document = {"url": URL, "events": ["*"], "enabled": True, **fields}
    webhook = WebhookId(name)
    await store.webhooks.create_webhook(account, webhook, msgspec.json.encode(document), SECRET)
    stored = await store.webhooks.webhook(account, webhook)
    assert stored is not None
    return stored


async def heir_of(store: ConformingStore, clock: FakeClock, network: ScriptedNetwork) -> Bench:
    """Whoever takes over from a process that was killed, and knows nothing of what that saw."""
    clock.advance(LEASE_S + 1)
    heir = Bench(store, clock, network, owner="heir")
    await heir.take_over()
    return heir


async def change(store: ConformingStore, webhook: WebhookId = WEBHOOK, **fields: object) -> None:
    """Change an endpoint, as its owner would; nobody checks to what."""
    stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, webhook)
    assert stored is not None
    document = msgspec.json.encode({**msgspec.json.decode(stored.document), **fields})
    assert await store.webhooks.replace_webhook(DEFAULT_ACCOUNT, webhook, document, stored.revision)


def attempt_on(
    event: LogEvent,
    webhook: WebhookId = WEBHOOK,
    *,
    accepted: bool = False,
    number: int = 1,
    status: int | None = None,
    response: bytes | None = None,
) -> AttemptRecord:
    """An attempt to deliver the event; without a status it has the usual one."""
    answered = 200 if accepted else 503
    return AttemptRecord(
        webhook=webhook,
        partition=event.partition,
        position=event.position,
        account=event.account,
        event_id=event.id,
        event_type=event.type,
        key=event.key,
        number=number,
        started_ms=event.created_ms,
        duration_ms=12.5,
        accepted=accepted,
        status=answered if status is None else status,
        error=None,
        response=response,
    )


def pending_for(
    event: LogEvent,
    state: PendingState,
    *,
    webhook: WebhookId = WEBHOOK,
    due_ms: int | None = None,
    laned: bool = True,
    number: int = 1,
    reason: str | None = None,
) -> PendingRow:
    """A delivery of the event that has a row of its own."""
    return PendingRow(
        webhook=webhook,
        partition=event.partition,
        position=event.position,
        account=event.account,
        event_id=event.id,
        event_type=event.type,
        key=event.key,
        lane=event.key if laned else None,
        state=state,
        number=number,
        due_ms=due_ms,
        since_ms=event.created_ms,
        reason=reason,
    )


def sequences(events: Sequence[LogEvent], key: str) -> list[int]:
    """The sequences of a key's events, in the order given."""
    return [event.sequence for event in events if event.key == key]
