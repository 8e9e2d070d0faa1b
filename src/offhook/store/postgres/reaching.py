"""What is told when the database cannot be used: never its password, never a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import asyncpg

from offhook.model.errors import OffhookError

UNUSABLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError)
"""What says that the database cannot be used, or not as it was."""


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """What the block does needs the database; raises ``OffhookError`` where it cannot be used."""
    try:
        yield
    except UNUSABLE as error:
        raise OffhookError(
            f"The database {shown(url)} cannot be used ({told(error)}): check that it runs, that "
            "it can be reached from here, and its URL.",
            code="database_unusable",
        ) from error


def shown(url: str) -> str:
    """A database URL without its password."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2] or "localhost"
    return f"{parts.scheme}://{place}{parts.path}"


def told(error: Exception) -> str:
    """The error in one line."""
    text = str(error).splitlines()
    return text[0] if text else type(error).__name__
