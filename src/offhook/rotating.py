"""Changing the key that secrets are sealed with."""

from dataclasses import dataclass

import msgspec

from offhook.model.errors import Invalid, NotFound
from offhook.opening import keyring_of, place
from offhook.settings import Settings
from offhook.store.keyring import FILE, Keyring, new_key
from offhook.store.postgres.secrets import reseal_database
from offhook.store.sqlite.folder import DATABASE
from offhook.store.sqlite.secrets import reseal_folder
from offhook.store.vault import Resealed


@dataclass(frozen=True, slots=True)
class RotationReport:
    """From which key to which the secrets in ``place`` were brought, by their fingerprints."""

    place: str
    before: str | None
    after: str
    sealed: int


async def rotate(settings: Settings) -> RotationReport:
    """Seal all secrets anew with the first key: of ``OFFHOOK_SECRET_KEY`` where it is set, else
    with a new one, which takes the place of the one in the data folder.

    Raises ``OffhookError`` when a server uses the folder, when the key of what is sealed is
    missing, or when a database has its key in a file, which no process that runs reads again.
    """
    keyring = keyring_of(settings)
    if settings.database is not None:
        _check_given(keyring)
        done = await reseal_database(settings.database, keyring)
    elif not (settings.data / DATABASE).is_file():
        raise NotFound(f"There is no installation in {settings.data}: give its folder as --data.")
    else:
        done = _rotate_folder(settings, keyring)
    return RotationReport(place(settings), done.before, done.after, done.count)


def as_json(report: RotationReport) -> str:
    """The report, for programs."""
    return msgspec.json.encode(report).decode()


def as_text(report: RotationReport) -> str:
    """The report, for people."""
    return (
        f"{report.place}: {report.sealed} secrets and webhooks are sealed with the key "
        f"{report.after} now ({report.before or 'no key'} before)"
    )


def _check_given(keyring: Keyring) -> None:
    if not keyring.given:
        raise Invalid(
            "The key of a database is changed by OFFHOOK_SECRET_KEY=new,old: set it for all "
            f"processes first, with the content of {FILE} as the old one, and restart them."
        )


def _rotate_folder(settings: Settings, keyring: Keyring) -> Resealed:
    """Both keys are in the file until all is sealed with the new one."""
    if keyring.given:
        return reseal_folder(settings.data, keyring)
    fresh = new_key()
    keyring.write([fresh, *keyring.read()])
    done = reseal_folder(settings.data, keyring)
    keyring.write([fresh])
    return done
