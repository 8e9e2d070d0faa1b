"""What could not be evaluated of endpoints' filters, on SQLite."""

from collections.abc import Mapping

import msgspec

from offhook.delivery.filter_faults import FilterFaults
from offhook.model.ids import WebhookId
from offhook.store.sqlite.database import Database
from offhook.store.sqlite.writer import Transaction


class SqliteFilters:
    """The port of filters' faults."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note_filter_faults(self, seen: Mapping[WebhookId, FilterFaults]) -> None:
        """Add what was seen of each endpoint to its row."""

        def work(transaction: Transaction) -> None:
            for webhook, faults in seen.items():
                values = msgspec.structs.asdict(faults)
                transaction.connection.run("filter_fault_add", webhook=webhook, **values)

        if seen:
            await self._database.write(work)
