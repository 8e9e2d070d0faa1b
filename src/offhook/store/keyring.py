"""Where the keys are that secrets are sealed with: in the settings, else in a file."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from offhook.model.errors import OffhookError
from offhook.store.sealing import SHORTEST_KEY, Sealer, SealingKey

FILE = "secret.key"
_KEY_BYTES = 32


def read_keys(text: str) -> tuple[str, ...]:
    """The keys of a text that has them with commas between, the one that seals first.

    Raises ``ValueError`` where one is too short to be random.
    """
    keys = tuple(key for each in text.split(",") if (key := each.strip()))
    short = [len(key) for key in keys if len(key) < SHORTEST_KEY]
    if short or not keys:
        raise ValueError(
            f"a key has {min(short, default=0)} characters and must have {SHORTEST_KEY} or more: "
            "openssl rand -hex 32 makes one"
        )
    return keys


@dataclass(slots=True)
class Keyring:
    """Keys that are ``given``, else those of the ``file``, which is made when the first is needed.

    Without either it makes one that this process alone knows.
    """

    given: tuple[str, ...] = field(default=(), repr=False)
    file: Path | None = None

    @classmethod
    def in_folder(cls, folder: Path, given: Sequence[str] = ()) -> Self:
        """The keys that are given, else those of the folder's own file."""
        return cls(tuple(given), folder / FILE)

    def read(self) -> tuple[str, ...]:
        """The keys there are; none where none was made yet. Raises ``OffhookError`` where the file
        cannot be read."""
        if self.given or self.file is None:
            return self.given
        try:
            return read_keys(self.file.read_text("utf-8"))
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            raise OffhookError(
                f"The key of the secrets in {self.file} cannot be used ({error}): restore it from "
                "where it was kept.",
                code="secret_unreadable",
            ) from error

    def made(self) -> tuple[str, ...]:
        """The keys there are, or a new one, which is kept."""
        keys = self.read()
        if keys:
            return keys
        fresh = new_key()
        if self.file is None:
            self.given = (fresh,)
            return self.given
        try:
            self.write([fresh])
        except OSError as error:
            raise OffhookError(
                f"A key for the secrets cannot be kept in {self.file} ({error.strerror}): set "
                "OFFHOOK_SECRET_KEY to one, openssl rand -hex 32 makes it.",
                code="secret_unreadable",
            ) from error
        return (fresh,)

    def write(self, keys: Sequence[str]) -> None:
        """Have these in the file, which none but its owner may read: all of them, or what was
        there before."""
        if self.file is None:
            raise ValueError("there is no file to keep keys in")
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self.file.with_suffix(".new")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(",".join(keys) + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.file)
        folder = os.open(self.file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def sealer(self, sealed_with: str | None) -> Sealer:
        """What opens an installation that is sealed with the key of this fingerprint; for one that
        is not sealed yet, a key is made if there is none.

        Raises ``OffhookError`` where that key is not among these.
        """
        keys = self.made() if sealed_with is None else self.read()
        sealer = Sealer([SealingKey.of(key) for key in keys]) if keys else None
        if sealer is None or (sealed_with is not None and not sealer.knows(sealed_with)):
            raise OffhookError(
                f"The secrets in the database are sealed with the key {sealed_with}, and "
                f"{self._held(sealer)}: set OFFHOOK_SECRET_KEY to the key that the other processes "
                f"have, or restore the file {FILE} of the installation.",
                code="secret_unreadable",
            )
        return sealer

    def _held(self, sealer: Sealer | None) -> str:
        if sealer is not None:
            where = "OFFHOOK_SECRET_KEY" if self.given else str(self.file)
            return f"{where} has another one ({sealer.fingerprint})"
        return f"there is none in {self.file}" if self.file else "none is given"


PROCESS_OWN = Keyring()
"""A key that is made for this process and kept nowhere: for stores that end with it."""


def new_key() -> str:
    """A random key, as it is written."""
    return secrets.token_hex(_KEY_BYTES)
