"""Attempts and traces as statements gather them: bytes are hexadecimal."""

import msgspec

from offhook.delivery.entries import AttemptRecord
from offhook.delivery.lists.traces import Traces
from offhook.model.ids import AccountId, EventId, ReplayId, WebhookId


class AttemptRow(msgspec.Struct, frozen=True):
    """An attempt; ``response`` and ``detail`` are hexadecimal."""

    webhook: WebhookId
    partition: int
    position: int
    account: AccountId
    event_id: EventId
    event_type: str
    key: str
    number: int
    started_ms: int
    duration_ms: float
    accepted: bool
    status: int | None
    error: str | None
    response: str
    late: bool
    replay: ReplayId | None
    detail: str

    def record(self) -> AttemptRecord:
        """The attempt as the ports know it."""
        fields = msgspec.structs.asdict(self)
        unpacked = {
            "response": bytes.fromhex(self.response) or None,
            "detail": bytes.fromhex(self.detail) or None,
        }
        return AttemptRecord(**{**fields, **unpacked})


class TracesRow(Traces, frozen=True):
    """What the store knows of one delivery, and its latest attempt."""

    latest: AttemptRow | None

    def last_attempt(self) -> AttemptRecord | None:
        """The attempt as the ports know it."""
        return None if self.latest is None else self.latest.record()
