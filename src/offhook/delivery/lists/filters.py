"""Which deliveries a request speaks of: to be listed, or to be tried once more."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from offhook.api.pages import Window, WindowQuery
from offhook.delivery.entries import DeliveryFilter, DeliveryStatus
from offhook.model.catalogue import read_pattern
from offhook.model.event import to_ms
from offhook.model.ids import EventId, WebhookId

_Name = Annotated[str | None, Field(min_length=1, max_length=255)]
"""Never empty: a variable that was not filled in would ask for all there are."""


class ListedStatus(StrEnum):
    """What deliveries are listed by."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"
    UNDELIVERED = "undelivered"
    """Pending, failed or canceled."""


class RetriedStatus(StrEnum):
    """What deliveries may be retried by."""

    PENDING = "pending"
    FAILED = "failed"
    CANCELED = "canceled"
    UNDELIVERED = "undelivered"


class _Fields(Window):
    """What both ask by; ``since`` and ``until`` are of when the events were created."""

    webhook_id: _Name = None
    event_id: _Name = None
    type: _Name = None
    event_key: _Name = None

    def of_status(self, status: ListedStatus | None, path: str) -> DeliveryFilter:
        """The same in the store's words; ``path`` is where these fields stand."""
        undelivered = status is ListedStatus.UNDELIVERED
        return DeliveryFilter(
            webhook=WebhookId(self.webhook_id) if self.webhook_id else None,
            event=EventId(self.event_id) if self.event_id else None,
            status=None if status is None or undelivered else DeliveryStatus(status.value),
            undelivered=undelivered,
            since_ms=None if self.since is None else to_ms(self.since),
            until_ms=None if self.until is None else to_ms(self.until),
            type=read_pattern(self.type, f"{path}.type") if self.type else None,
            key=self.event_key,
        )


class DeliveryQuery(WindowQuery, _Fields):
    """Which deliveries to list. ``undelivered`` are those pending, failed and canceled; ``since``
    and ``until`` are of when their events were created."""

    status: ListedStatus | None = None

    def filter(self) -> DeliveryFilter:
        """The same in the store's words."""
        return self.of_status(self.status, "query")


class RetryFilter(_Fields):
    """Which undelivered deliveries to retry, as they are listed: all that pass."""

    status: RetriedStatus = RetriedStatus.UNDELIVERED

    def within(self, path: str) -> DeliveryFilter:
        """The same in the store's words; ``path`` is where these fields stand."""
        return self.of_status(ListedStatus(self.status), path)


class RetryRequest(RetryFilter):
    """The fields of the filter as they are, or together in ``filter``."""

    filter: RetryFilter = RetryFilter()

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if "filter" in self.model_fields_set and self.model_fields_set != {"filter"}:
            raise ValueError("give all fields in filter, or all beside it")
        return self

    def wanted(self) -> DeliveryFilter:
        """The same in the store's words."""
        if "filter" in self.model_fields_set:
            return self.filter.within("body.filter")
        return self.within("body")
