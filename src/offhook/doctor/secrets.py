"""Reads which keys there are for the secrets. Makes none."""

from pathlib import Path

from offhook.doctor.secret_rules import SecretFacts
from offhook.model.errors import OffhookError
from offhook.store.keyring import Keyring
from offhook.store.sealing import SealingKey


def read_secrets(keyring: Keyring, sealed_with: str | None, others: int) -> SecretFacts:
    """The keys at hand, beside what the database says."""
    file = None if keyring.given else keyring.file
    shown, mode = (None, None) if file is None else (str(file), _mode(file))
    try:
        keys = tuple(SealingKey.of(key).fingerprint for key in keyring.read())
    except OffhookError as error:
        return SecretFacts(sealed_with, others, (), shown, mode, error.detail)
    return SecretFacts(sealed_with, others, keys, shown, mode)


def _mode(file: Path) -> int | None:
    try:
        return file.stat().st_mode & 0o777
    except OSError:
        return None
