"""What happened, line by line; two lives that have the same digest were the same."""

import hashlib
from collections.abc import Callable


class Trace:
    """All lines in order, each with the virtual second at which it came."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._hash = hashlib.sha256()
        self.lines: list[str] = []

    def tell(self, what: str) -> None:
        """Add a line."""
        line = f"{self._now_s():12.4f} {what}"
        self._hash.update(line.encode() + b"\n")
        self.lines.append(line)

    @property
    def digest(self) -> str:
        """Of all lines so far."""
        return self._hash.hexdigest()
