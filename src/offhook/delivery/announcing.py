"""What is told of endpoints and deliveries, as events like any other. Pure.

An announcement is made where what it tells of is decided, and written in that same transaction.
Its ``event_id`` follows from what it tells, so that the log has it once however often it is handed
over.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from offhook.delivery.entries import Announcement
from offhook.delivery.health import FAILING_AFTER, UNTRIED, EndpointHealth, merge
from offhook.model.event import LogEvent, rfc3339_ms
from offhook.model.ids import AccountId, EventId, WebhookId, delivery_id, partition_of

FAILING = "webhook.failing"
RECOVERED = "webhook.recovered"
DISABLED = "webhook.disabled"
EXHAUSTED = "delivery.exhausted"

_ABOUT_DELIVERY = ("webhook.", "delivery.")


class HealthNote(msgspec.Struct, frozen=True):
    """What a process saw of an endpoint since its last note, whose it is, and which it was: at its
    ``url``, as changed last at ``revision``."""

    webhook: WebhookId
    account: AccountId
    url: str
    revision: int
    seen: EndpointHealth


class _Endpoint(msgspec.Struct, omit_defaults=True):
    webhook_id: WebhookId
    url: str
    reason: str | None = None
    failing_since: str | None = None
    failures: int | None = None


class _Delivery(msgspec.Struct, omit_defaults=True):
    delivery_id: str
    webhook_id: WebhookId
    event_id: EventId
    event_type: str
    attempts: int
    last_status: int | None = None
    reason: str | None = None


class _Subject(msgspec.Struct):
    webhook_id: str | None = None


def about_delivery(type_: str) -> bool:
    """Whether events of this type speak of deliveries: theirs give rise to no further ones."""
    return type_.startswith(_ABOUT_DELIVERY)


def speaks_of(event: LogEvent, webhook: WebhookId) -> bool:
    """Whether the event speaks of this very endpoint, which it never goes to then."""
    if not about_delivery(event.type):
        return False
    return msgspec.json.decode(event.data, type=_Subject).webhook_id == webhook


class Turns(msgspec.Struct, frozen=True):
    """What becomes of endpoints' health: what to store of each, and what to tell."""

    health: dict[WebhookId, EndpointHealth]
    told: tuple[Announcement, ...]


def turns(
    notes: Sequence[HealthNote], stored: Mapping[WebhookId, EndpointHealth], partitions: int
) -> Turns:
    """Merge each note into what is stored of its endpoint."""
    turned = {
        note.webhook: turn(note, merge(stored.get(note.webhook, UNTRIED), note.seen), partitions)
        for note in notes
    }
    told = tuple(it for _, it in turned.values() if it is not None)
    return Turns({webhook: health for webhook, (health, _) in turned.items()}, told)


def turn(
    note: HealthNote, merged: EndpointHealth, partitions: int
) -> tuple[EndpointHealth, Announcement | None]:
    """The health to store, and what is to be told of it: that the endpoint fails, once it did five
    times in a row, and that it accepts again after that was told."""
    if not merged.announced and merged.failures >= FAILING_AFTER:
        told = _Endpoint(
            note.webhook,
            note.url,
            failing_since=_time(merged.failing_since_ms),
            failures=merged.failures,
        )
        return replace(merged, announced=True), _of_endpoint(
            FAILING, note, told, merged.failing_since_ms, partitions
        )
    if merged.announced and not merged.failures:
        told = _Endpoint(note.webhook, note.url, failures=0)
        return replace(merged, announced=False), _of_endpoint(
            RECOVERED, note, told, merged.last_success_ms, partitions
        )
    return merged, None


def disabled(
    webhook: WebhookId, account: AccountId, url: str, reason: str, at_ms: int, partition: int
) -> Announcement:
    """That Offhook disabled the endpoint, and why."""
    told = _Endpoint(webhook, url, reason=reason)
    given = EventId(f"{DISABLED}:{webhook}:{at_ms}")
    data = msgspec.json.encode(told)
    return Announcement(partition, account, given, DISABLED, webhook, test=False, data=data)


def exhausted(
    event: LogEvent,
    webhook: WebhookId,
    *,
    attempts: int,
    status: int | None,
    reason: str,
    at_ms: int,
) -> Announcement:
    """That a delivery was given up."""
    given = delivery_id(webhook, event.partition, event.position)
    told = _Delivery(given, webhook, event.id, event.type, attempts, status, reason)
    return Announcement(
        event.partition,
        event.account,
        EventId(f"{EXHAUSTED}:{given}:{at_ms}"),
        EXHAUSTED,
        webhook,
        event.test,
        msgspec.json.encode(told),
    )


def _of_endpoint(
    type_: str, note: HealthNote, told: _Endpoint, at_ms: int | None, partitions: int
) -> Announcement:
    return Announcement(
        partition_of(note.account, note.webhook, partitions),
        note.account,
        EventId(f"{type_}:{note.webhook}:{at_ms}"),
        type_,
        note.webhook,
        test=False,
        data=msgspec.json.encode(told),
    )


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339_ms(at_ms)
