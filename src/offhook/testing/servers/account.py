"""Whose rights a server runs with: PostgreSQL refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from offhook.model.errors import OffhookError

UNPRIVILEGED: Final = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine; no numbers: the one that this process has already."""

    uid: int | None = None
    gid: int | None = None

    @property
    def groups(self) -> list[int] | None:
        """The further groups that a process of the account starts with; ``None``: unchanged."""
        return None if self.uid is None else []

    def can_use(self, path: Path) -> bool:
        """Whether the account may enter the folder, or execute the file, and all above it."""
        if self.uid is None:
            return True
        return all(self._may_execute(each.stat()) for each in (path, *path.parents))

    def _may_execute(self, status: os.stat_result) -> bool:
        owned = status.st_uid == self.uid
        return bool(status.st_mode & (stat.S_IXUSR if owned else stat.S_IXOTH))

    def own(self, folder: Path) -> None:
        """Give the account a folder of its own, closed to all others."""
        folder.chmod(0o700)
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)


OURS: Final = Account()


@cache
def unprivileged_account() -> Account:
    """This process's account, or ``nobody`` where that is root."""
    if os.geteuid() != 0:
        return OURS
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise OffhookError(
            f"PostgreSQL does not run as root, and there is no account {UNPRIVILEGED!r} to run it "
            "as: run this as another user, or give the URL of a running database"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)
