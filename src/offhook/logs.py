"""Where log lines go, and in which form: to stderr, as JSON or for a person's eyes."""

import logging
import os
import select
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import structlog

from offhook.settings import Settings

_CONSOLE = structlog.dev.ConsoleRenderer()


def log_to_stderr(settings: Settings) -> None:
    """Have all that is logged written to stderr, as the settings say."""
    level = _level(settings)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer()
            if _as_json(settings)
            else structlog.dev.ConsoleRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)


class Lines:
    """Writes lines that are JSON already, many at a time, as all others are written."""

    def __init__(self, settings: Settings) -> None:
        self._as_json = _as_json(settings)
        self.wanted = _level(settings) <= logging.INFO

    def write(self, lines: Sequence[bytes]) -> None:
        """Write them; may block. Past the buffer of ``sys.stderr``, whose lock a thread that is
        stuck would keep for ever; a few lines at a time, which a pipe takes whole."""
        descriptor = sys.stderr.fileno()
        for piece in _pieces(lines if self._as_json else map(_shown, lines)):
            left = piece
            while left:
                left = left[os.write(descriptor, left) :]


def _pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines, as many in a piece as a pipe takes without another writer's between."""
    piece = b""
    for line in lines:
        if piece and len(piece) + len(line) + 1 > select.PIPE_BUF:
            yield piece
            piece = b""
        piece += line + b"\n"
    yield piece


def _shown(line: bytes) -> bytes:
    return str(_CONSOLE(None, "info", _fields(line))).encode()


def _fields(line: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.json.decode(line)
    return fields


def _level(settings: Settings) -> int:
    return logging.getLevelNamesMapping()[settings.log_level.upper()]


def _as_json(settings: Settings) -> bool:
    return settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )
