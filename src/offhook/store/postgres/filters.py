"""What could not be evaluated of endpoints' filters, on PostgreSQL."""

from collections.abc import Mapping

from msgspec.structs import astuple

from offhook.delivery.filter_faults import FilterFaults
from offhook.model.ids import WebhookId
from offhook.store.postgres.database import Database
from offhook.store.postgres.session import named

_COLUMNS = ("webhooks", "errors", "last_errors", "last_events", "last_ms")


class PostgresFilters:
    """The port of filters' faults."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note_filter_faults(self, seen: Mapping[WebhookId, FilterFaults]) -> None:
        """Add what was seen of each endpoint to its row."""
        if not seen:
            return
        rows = [(webhook, *astuple(faults)) for webhook, faults in seen.items()]
        async with self._database.transaction() as session:
            await session.run("filter_fault_add", **named(_COLUMNS, rows))
