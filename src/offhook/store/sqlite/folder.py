"""The data folder: one process owns it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import apsw

from offhook.model.errors import OffhookError

DATABASE = "offhook.db"
_LOCK = "offhook.lock"


class FolderLock:
    """Held while a process works on the folder; the system gives it back when the process dies."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def release(self) -> None:
        """Let another process have the folder."""
        self._file.close()


def lock_folder(folder: Path) -> FolderLock:
    """Make the folder if need be and own it; raises ``OffhookError`` where another process does."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / _LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise OffhookError(
            f"The data folder {folder} cannot be used ({error.strerror}): "
            "give one that this user may write to with --data.",
            code="data_unusable",
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise _in_use(folder, file) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return FolderLock(file)


def holder_of(folder: Path) -> str | None:
    """The id of the process that owns the folder now, or ``unknown``; ``None`` if none does."""
    try:
        with (folder / _LOCK).open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().strip() or "unknown"
    except FileNotFoundError:
        pass
    return None


@contextmanager
def owned(folder: Path) -> Iterator[Path]:
    """Own the folder for the block, which gets the path of its database. Raises ``OffhookError``
    where another process owns it, or where the block cannot use the database."""
    lock = lock_folder(folder)
    try:
        yield folder / DATABASE
    except apsw.Error as error:
        raise unusable(folder / DATABASE, error) from error
    finally:
        lock.release()


def unusable(path: Path | None, error: apsw.Error) -> OffhookError:
    """The refusal of a database (``None``: in memory) that SQLite cannot work with."""
    return OffhookError(
        f"The database {path or 'in memory'} cannot be used ({error}): "
        "restore it from a backup, or give another folder with --data.",
        code="data_unusable",
    )


def _in_use(folder: Path, file: IO[str]) -> OffhookError:
    file.seek(0)
    holder = file.read().strip()
    file.close()
    return OffhookError(
        f"The data folder {folder} is in use by another Offhook process"
        f"{f' (pid {holder})' if holder else ''}: stop it, or give another folder with --data.",
        code="data_in_use",
    )
