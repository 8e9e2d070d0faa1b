"""All routes that delivery brings to the API."""

from collections.abc import Callable

from fastapi import APIRouter

from offhook.api.auth import Gate
from offhook.clock import Clock
from offhook.delivery.delivery_routes import delivery_router
from offhook.delivery.ports import DeliveryQueries, WebhookStore
from offhook.delivery.targets import Targets
from offhook.delivery.webhook_routes import webhook_router
from offhook.log.ports import FeedStore


def delivery_routers(
    *,
    gate: Gate,
    webhooks: WebhookStore,
    deliveries: DeliveryQueries,
    feed: FeedStore,
    targets: Targets,
    clock: Clock,
    entropy: Callable[[int], bytes],
) -> list[APIRouter]:
    """Webhooks, under both paths that they are known by, and deliveries. ``entropy`` gives that
    many random bytes, for ids and secrets."""

    def webhooks_at(prefix: str, *, documented: bool) -> APIRouter:
        return webhook_router(
            gate=gate,
            webhooks=webhooks,
            targets=targets,
            clock=clock,
            entropy=entropy,
            prefix=prefix,
            documented=documented,
        )

    return [
        webhooks_at("/v1", documented=True),
        webhooks_at("/api/v1", documented=False),
        delivery_router(gate=gate, deliveries=deliveries, webhooks=webhooks, feed=feed),
    ]
