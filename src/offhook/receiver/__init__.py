"""The kit for those who receive webhooks: verify, keep, answer fast, handle each event once.

Stores are in ``receiver.sqlite``, ``receiver.postgres`` and ``receiver.redis``; frameworks in
``receiver.fastapi``, ``receiver.flask`` and ``receiver.django``; ``receiver.testing`` is for tests.
Each imports what it needs, and nothing here imports them.
"""

from offhook.receiver.answers import Answer
from offhook.receiver.calling import Handler, Handlers
from offhook.receiver.counting import Counted
from offhook.receiver.event import Event
from offhook.receiver.naming import Naming
from offhook.receiver.opening import opened_queue, queue_at
from offhook.receiver.ports import Claim, DeadLetter, Depth, ProcessedEvents, Queue
from offhook.receiver.processed import handle_once
from offhook.receiver.receiving import Receiver
from offhook.receiver.retrying import RetryPolicy
from offhook.receiver.threaded import ThreadedReceiver
from offhook.receiver.verification import SignatureError, Verifier, verify_request
from offhook.receiver.worker import Handling

__all__ = [
    "Answer",
    "Claim",
    "Counted",
    "DeadLetter",
    "Depth",
    "Event",
    "Handler",
    "Handlers",
    "Handling",
    "Naming",
    "ProcessedEvents",
    "Queue",
    "Receiver",
    "RetryPolicy",
    "SignatureError",
    "ThreadedReceiver",
    "Verifier",
    "handle_once",
    "opened_queue",
    "queue_at",
    "verify_request",
]
