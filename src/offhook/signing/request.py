"""A request that was received, as far as a signature can speak of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What is verified. ``body`` is the bytes as received, before any parsing.

    ``url`` is the whole public address that the sender called, with its query, as it stands outside
    any proxy: Twilio and SignalWire sign it. ``headers`` may be in any case; ``header`` reads them.
    """

    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    method: str = "POST"
    _lowered: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lowered = {name.lower(): value for name, value in self.headers.items()}
        object.__setattr__(self, "_lowered", lowered)

    def header(self, name: str) -> str:
        """The value of a header; empty where it is missing. ``name`` is in lower case."""
        return self._lowered.get(name, "")


@dataclass(frozen=True, slots=True)
class Trial:
    """A request, the secrets that it is tried by, and when. A time that the sender states may be
    ``tolerance_s`` from now."""

    request: SignedRequest
    secrets: Sequence[str]
    now_s: int
    tolerance_s: int
