"""Calls of one account, on PostgreSQL."""

import msgspec

from offhook.log.queries import CallFilter
from offhook.model.call import Call
from offhook.model.callstate import decode_call
from offhook.model.event import to_ms
from offhook.model.ids import AccountId, CallId
from offhook.store.postgres.database import Database

_FOREVER_MS = 2**63 - 1


class PostgresCalls:
    """The port of what the API asks about calls."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def call(self, account: AccountId, call: CallId) -> Call | None:
        """One call's state."""
        async with self._database.reading() as session:
            state = await session.value("call", account=account, id=call)
        return None if state is None else decode_call(state)

    async def calls(
        self, account: AccountId, wanted: CallFilter, before: tuple[int, str] | None, limit: int
    ) -> list[Call]:
        """Calls, newest start first; one whose start is unknown stands at 0."""
        until_ms = _FOREVER_MS if wanted.until is None else to_ms(wanted.until)
        before_ms, before_id = min(before or (_FOREVER_MS, ""), (until_ms, ""))
        named = {
            name: value
            for name, value in msgspec.structs.asdict(wanted).items()
            if name not in {"since", "until"}
        }
        async with self._database.reading() as session:
            rows = await session.rows(
                "calls_listed",
                **named,
                account=account,
                before_ms=before_ms,
                before_id=before_id,
                since_ms=0 if wanted.since is None else to_ms(wanted.since),
                limit=limit,
            )
        return [decode_call(row[0]) for row in rows]
