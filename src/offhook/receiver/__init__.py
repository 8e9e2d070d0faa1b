"""The kit for those who receive webhooks: verify, keep, answer fast, handle each event once."""

from offhook.receiver.app import Receiver
from offhook.receiver.event import Event
from offhook.receiver.inbox import SqliteInbox
from offhook.receiver.ports import Arrival, Claim, Inbox, ProcessedEvents, StoredEvent
from offhook.receiver.processed import SqliteProcessedEvents, handle_once
from offhook.receiver.verification import SignatureError, verify_request

__all__ = [
    "Arrival",
    "Claim",
    "Event",
    "Inbox",
    "ProcessedEvents",
    "Receiver",
    "SignatureError",
    "SqliteInbox",
    "SqliteProcessedEvents",
    "StoredEvent",
    "handle_once",
    "verify_request",
]
