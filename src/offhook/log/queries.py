"""What the API asks about calls."""

from datetime import datetime
from typing import Protocol

import msgspec

from offhook.model.call import Call
from offhook.model.ids import AccountId, CallId


class CallFilter(msgspec.Struct, frozen=True):
    """Which calls to list; ``since`` and ``until`` are half-open over ``started_at``."""

    status: str | None = None
    outcome: str | None = None
    campaign_id: str | None = None
    buyer_id: str | None = None
    caller_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    duplicates: bool = False


class CallQueries(Protocol):
    """Calls of one account."""

    async def call(self, account: AccountId, call: CallId) -> Call | None:
        """One call's state."""
        ...

    async def calls(
        self, account: AccountId, wanted: CallFilter, before: tuple[int, str] | None, limit: int
    ) -> list[Call]:
        """Calls, newest start first, that stand before (started_ms, id) in that order."""
        ...
