"""The guarantees of webhooks, keys, the views of deliveries and retention on every store."""

from offhook.testing.conformance.control import KeyConformance, WebhookConformance
from offhook.testing.conformance.deleting import DeletingConformance
from offhook.testing.conformance.lists_ahead import AheadConformance
from offhook.testing.conformance.retention import (
    RetentionConformance,
    RowRetentionConformance,
)
from offhook.testing.conformance.views import DeliveryViewConformance


class TestWebhooks(WebhookConformance):
    """Each guarantee."""


class TestKeys(KeyConformance):
    """Each guarantee."""


class TestDeliveryViews(DeliveryViewConformance):
    """Each guarantee."""


class TestRetention(RetentionConformance):
    """Each guarantee."""


class TestRowRetention(RowRetentionConformance):
    """Each guarantee."""


class TestLists(AheadConformance):
    """Each guarantee."""


class TestDeleting(DeletingConformance):
    """Each guarantee."""
