"""Every owner gets its even share of the partitions, and none more."""

from hypothesis import given
from hypothesis import strategies as st

from offhook.store.sqlite.leases import LeaseRow, free_share

NOW_MS = 1_000


def lease(partition: int, owner: str | None, until_ms: int = NOW_MS + 1) -> LeaseRow:
    return LeaseRow(partition, owner, 1, until_ms, 0, 0)


@given(
    st.lists(
        st.tuples(st.sampled_from([None, "a", "b", "c"]), st.integers(NOW_MS - 1, NOW_MS + 1)),
        min_size=1,
        max_size=20,
    )
)
def test_what_is_taken_is_free_and_within_the_share(held: list[tuple[str | None, int]]) -> None:
    rows = [lease(partition, owner, until) for partition, (owner, until) in enumerate(held)]
    live = [row for row in rows if row.owner is not None and row.until_ms > NOW_MS]
    share = -(-len(rows) // len({row.owner for row in live} | {"a"}))
    taken = free_share(rows, "a", NOW_MS)
    own = sum(row.owner == "a" for row in live)
    assert not any(row in live for row in taken)
    assert len(taken) == max(min(share - own, len(rows) - len(live)), 0)


def test_owners_that_come_at_once_share_evenly() -> None:
    held: dict[int, str] = {at: "abc"[at % 3] for at in range(3)}
    for owner in ("a", "b", "c"):
        now = [lease(partition, held.get(partition)) for partition in range(16)]
        held.update((row.partition, owner) for row in free_share(now, owner, NOW_MS))
    assert sorted(list(held.values()).count(owner) for owner in "abc") == [4, 6, 6]
    full = [lease(partition, owner) for partition, owner in held.items()]
    assert all(free_share(full, owner, NOW_MS) == [] for owner in "abc")
