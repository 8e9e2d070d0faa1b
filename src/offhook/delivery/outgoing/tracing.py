"""What the sender tells of an attempt to whoever traces requests, and what goes out with it."""

from collections.abc import Mapping
from typing import Protocol

from offhook.delivery.entries import Answer
from offhook.delivery.subscriptions import Endpoint
from offhook.model.event import LogEvent


class AttemptSpan(Protocol):
    """An attempt under way."""

    @property
    def trace_id(self) -> str:
        """The trace that it is part of, as 32 hexadecimal digits."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """What the request carries on (W3C Trace Context)."""
        ...

    def end(self, answer: Answer) -> None:
        """It came back."""
        ...


class AttemptTracer(Protocol):
    """Traces attempts."""

    def begin(self, endpoint: Endpoint, event: LogEvent, number: int) -> AttemptSpan:
        """An attempt begins. An event that brought a ``traceparent`` goes on in that trace."""
        ...
