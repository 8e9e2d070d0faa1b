"""Reading Server-Sent Events, as the HTML standard has them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """An event of a stream, and the id to go on from once it is dealt with."""

    id: str
    data: bytes


class FrameReader:
    """Takes a stream in pieces of any size. ``last_id`` is that of the last frame that was whole,
    with or without data; ``retry_ms`` is what the server asks for, if it does."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry_ms: int | None = None
        self._rest = b""
        self._id = last_id
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """The frames that this piece completes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            frame = self._line(line.removesuffix(b"\r"))
            if frame is not None:
                yield frame

    def _line(self, line: bytes) -> Frame | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"id" and b"\0" not in value:
            self._id = value.decode()
        elif field == b"retry" and value.isdigit():
            self.retry_ms = int(value)
        return None

    def _dispatch(self) -> Frame | None:
        self.last_id = self._id
        data, self._data = self._data, []
        return Frame(self.last_id, b"\n".join(data)) if data else None
