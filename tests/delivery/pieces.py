"""The small values that tests of the engine's pieces are made of."""

from typing import Protocol

from msgspec.structs import replace

from offhook.delivery.document import WebhookDocument
from offhook.delivery.engine.sending import Sent
from offhook.delivery.entries import Answer, StoredWebhook
from offhook.delivery.ports import WebhookStore
from offhook.delivery.queueing.progress import Progress
from offhook.delivery.queueing.queues import Delivery, EndpointQueue
from offhook.delivery.schedule import PROFILES
from offhook.delivery.subscriptions import Endpoint
from offhook.log.entries import Lease
from offhook.model.event import VERSION, LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, EventId, WebhookId
from offhook.signing.schemes import Unsigned
from offhook.signing.secret import make_secret
from offhook.signing.sign import signer_for
from offhook.store.sqlite import SqliteStore

CRM = WebhookId("wh_crm")

_ENDPOINT = Endpoint(
    id=CRM,
    account=DEFAULT_ACCOUNT,
    url="https://crm.example/hook",
    patterns=("*",),
    spellings={},
    ordered=True,
    include_historical=False,
    test=False,
    contact_lists=frozenset(),
    headers={},
    timeout_s=15,
    max_in_flight=4,
    max_hold_ms=3_600_000,
    rate_limit=None,
    version=VERSION,
    schedule=PROFILES["24h"],
    signer=signer_for(Unsigned(), ()),
    starts={},
)


def endpoint(name: str = "crm", **given: object) -> Endpoint:
    return replace(_ENDPOINT, id=WebhookId(f"wh_{name}"), **given)


def event(position: int, key: str = "a", **given: object) -> LogEvent:
    made = LogEvent(
        partition=0,
        position=position,
        id=EventId(f"evt_{position}"),
        account=DEFAULT_ACCOUNT,
        type="custom.x",
        key=key,
        sequence=position,
        created_ms=0,
        test=False,
        historical=False,
        headers=None,
        data=b"{}",
    )
    return replace(made, **given)


def delivery(
    position: int,
    key: str = "a",
    *,
    reader: Progress | None = None,
    webhook: WebhookId = CRM,
    attempts: int = 0,
) -> Delivery:
    """Without a ``reader`` it is one that has a row of its own."""
    return Delivery(webhook, event(position, key), epoch=1, reader=reader, attempts=attempts)


def sent(queue: EndpointQueue, made: Delivery, answer: Answer) -> Sent:
    return Sent(made, queue, queue.endpoint, answer, started_ms=0)


async def subscribe(store: SqliteStore, name: str = "crm", **fields: object) -> StoredWebhook:
    """Make an endpoint that takes everything, unless ``fields`` say otherwise."""
    document = WebhookDocument.model_validate(
        {"url": f"https://{name}.example/hook", "events": ["*"], **fields}
    )
    webhook = WebhookId(f"wh_{name}")
    await store.webhooks.create_webhook(
        DEFAULT_ACCOUNT, webhook, document.model_dump_json().encode(), make_secret(bytes(32))
    )
    stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, webhook)
    assert stored is not None
    return stored


class HasWebhooks(Protocol):
    """A store with the control plane of webhooks."""

    @property
    def webhooks(self) -> WebhookStore: ...


async def change(store: HasWebhooks, name: str = "crm", **fields: object) -> None:
    """Change an endpoint as its owner would."""
    stored = await store.webhooks.webhook(DEFAULT_ACCOUNT, WebhookId(f"wh_{name}"))
    assert stored is not None
    document = WebhookDocument.model_validate_json(stored.document)
    changed = document.model_copy(update=fields).model_dump_json().encode()
    assert await store.webhooks.replace_webhook(
        DEFAULT_ACCOUNT, stored.id, changed, stored.revision
    )


def lease(cursor: int = 0) -> Lease:
    return Lease("deliver", 0, "test", epoch=1, cursor=cursor, takeovers=0)
