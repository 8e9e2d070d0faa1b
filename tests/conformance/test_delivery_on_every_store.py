"""Delivery's guarantees on every store."""

from offhook.testing.conformance.caution import CautionConformance
from offhook.testing.conformance.delivery import DeliveryConformance


class TestDelivery(DeliveryConformance):
    """Each guarantee."""


class TestCaution(CautionConformance):
    """Each guarantee."""
