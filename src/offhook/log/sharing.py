"""How partitions are shared among the processes that are alive. Pure; every store decides by it."""

from collections.abc import Iterable, Sequence

import msgspec

from offhook.log.entries import Lease


class LeaseRow(msgspec.Struct, frozen=True):
    """A lease as stored; without an owner it was given back."""

    partition: int
    owner: str | None
    epoch: int
    until_ms: int
    cursor: int
    takeovers: int


def even_target(members: Iterable[str], owner: str, partitions: int) -> int:
    """How many partitions an owner is to have, itself a member.

    All members have as many, but for what does not divide: by their names, the first ones have one
    more. So the targets of all always add up to what there is.
    """
    names = sorted({*members, owner})
    base, rest = divmod(partitions, len(names))
    return base + (names.index(owner) < rest)


def free_share(
    rows: Sequence[LeaseRow], owner: str, target: int, now_ms: int
) -> tuple[list[LeaseRow], int]:
    """What an owner takes now of the leases that are free or ran out, to reach its target; and how
    many it holds that are too many."""
    live = [row for row in rows if row.owner is not None and row.until_ms > now_ms]
    held = sum(row.owner == owner for row in live)
    free = [row for row in rows if row not in live]
    return free[: max(target - held, 0)], max(held - target, 0)


def taken(consumer: str, owner: str, row: LeaseRow) -> Lease:
    """The lease as its new owner's. From one that never gave it back, that is a take-over."""
    takeovers = row.takeovers + (row.owner is not None)
    return Lease(consumer, row.partition, owner, row.epoch + 1, row.cursor, takeovers)
