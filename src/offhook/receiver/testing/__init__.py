"""For tests of those who receive: example events, signed requests, a receiver that steps."""

from offhook.receiver.testing.events import MISSING, example_event
from offhook.receiver.testing.requests import signed_request
from offhook.receiver.testing.stepping import Handed, SteppedReceiver

__all__ = ["MISSING", "Handed", "SteppedReceiver", "example_event", "signed_request"]
