"""What is found about a data folder. Pure."""

from dataclasses import dataclass

from offhook.doctor.findings import Finding, fail, listed, ok, sized, warn

_LEAST_FREE = 512 << 20
_LITTLE_FREE = 4 << 30
_LONG_WAL = 1 << 30


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """A data folder. ``holder`` is the process that owns it: its id, or that it is unknown."""

    path: str
    mode: int
    writable: bool
    free_bytes: int
    database_bytes: int
    wal_bytes: int
    holder: str | None


@dataclass(frozen=True, slots=True)
class Integrity:
    """What SQLite's own check found, and whether it came to its end in the time it had."""

    faults: tuple[str, ...]
    finished: bool


def judge_folder(facts: FolderFacts) -> list[Finding]:
    """Rights, space, and who is at work there."""
    return [_judge_rights(facts), _judge_space(facts), _judge_holder(facts), _judge_wal(facts)]


def judge_no_folder(path: str) -> Finding:
    """There is no database yet."""
    return warn(
        "data folder",
        f"{path} holds no installation yet",
        "start offhook serve to make one, or name another folder with --data or OFFHOOK_DATA",
    )


def judge_integrity(found: Integrity) -> Finding:
    """Whether the file is whole."""
    if found.faults:
        return fail(
            "integrity",
            f"SQLite finds the file damaged: {listed(list(found.faults), 3)}",
            "stop the server, keep a copy of the folder, and restore the last good backup",
        )
    ending = "" if found.finished else " as far as was read in the time for it"
    return ok("integrity", f"SQLite finds no fault{ending}")


def _judge_rights(facts: FolderFacts) -> Finding:
    if not facts.writable:
        return fail(
            "data folder",
            f"{facts.path} cannot be written to by this user",
            "run Offhook as the folder's owner, or give the folder to the user it runs as",
        )
    if facts.mode & 0o077:
        return warn(
            "data folder",
            f"{facts.path} is open to other users (mode {facts.mode:04o}), with all secrets in it",
            f"chmod 700 {facts.path}",
        )
    return ok("data folder", f"{facts.path}, mode {facts.mode:04o}")


def _judge_space(facts: FolderFacts) -> Finding:
    what = f"{sized(facts.free_bytes)} free; the database takes {sized(facts.database_bytes)}"
    remedy = (
        "free space, or move the folder to a larger disk: nothing is acknowledged on a full one"
    )
    if facts.free_bytes < _LEAST_FREE:
        return fail("disk", what, remedy)
    if facts.free_bytes < _LITTLE_FREE:
        return warn("disk", what, remedy)
    return ok("disk", what)


def _judge_holder(facts: FolderFacts) -> Finding:
    if facts.holder is None:
        return ok("lock", "no server runs on the folder")
    return ok("lock", f"a server runs on the folder (pid {facts.holder})")


def _judge_wal(facts: FolderFacts) -> Finding:
    if facts.wal_bytes > _LONG_WAL:
        return warn(
            "write-ahead log",
            f"{sized(facts.wal_bytes)}: something has been reading for long",
            "end what else has the database open (a backup, a shell), then restart the server",
        )
    return ok("write-ahead log", sized(facts.wal_bytes))
