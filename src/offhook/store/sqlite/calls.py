"""Calls of one account, on SQLite."""

from offhook.log.queries import CallFilter
from offhook.model.call import Call
from offhook.model.callstate import decode_calls
from offhook.model.event import to_ms
from offhook.model.ids import AccountId, CallId
from offhook.store.sqlite.connection import Value
from offhook.store.sqlite.database import Database

_FOREVER_MS = 2**63 - 1


class SqliteCalls:
    """The port of what the API asks about calls."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def call(self, account: AccountId, call: CallId) -> Call | None:
        """One call's state."""
        states = self._database.read(lambda it: it.value("call", account=account, id=call))
        return next(iter(decode_calls(states)), None)

    async def calls(
        self, account: AccountId, wanted: CallFilter, before: tuple[int, str] | None, limit: int
    ) -> list[Call]:
        """Calls, newest start first; one whose start is unknown stands at 0."""
        until_ms = _FOREVER_MS if wanted.until is None else to_ms(wanted.until)
        before_ms, before_id = min(before or (_FOREVER_MS, ""), (until_ms, ""))
        asked: dict[str, Value] = {
            "account": account,
            "before_ms": before_ms,
            "before_id": before_id,
            "since_ms": 0 if wanted.since is None else to_ms(wanted.since),
            "duplicates": wanted.duplicates,
            "status": wanted.status,
            "outcome": wanted.outcome,
            "campaign_id": wanted.campaign_id,
            "buyer_id": wanted.buyer_id,
            "caller_id": wanted.caller_id,
            "limit": limit,
        }
        return decode_calls(
            await self._database.query(lambda it: it.value("calls_listed", **asked))
        )
