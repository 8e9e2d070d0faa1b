"""Every owner gets its even share of the partitions, and none more."""

from hypothesis import given
from hypothesis import strategies as st

from offhook.log.sharing import LeaseRow, even_target, free_share

NOW_MS = 1_000
NAMES = st.sets(st.sampled_from("abcdefgh"), min_size=1)


def lease(partition: int, owner: str | None, until_ms: int = NOW_MS + 1) -> LeaseRow:
    return LeaseRow(partition, owner, 1, until_ms, 0, 0)


@given(NAMES, st.integers(1, 40))
def test_targets_are_even_and_add_up_to_all_there_is(names: set[str], partitions: int) -> None:
    targets = [even_target(names, name, partitions) for name in sorted(names)]
    assert sum(targets) == partitions
    assert max(targets) - min(targets) <= 1
    assert targets == sorted(targets, reverse=True)


def test_who_asks_is_a_member_itself() -> None:
    assert even_target([], "a", 16) == 16
    assert even_target(["b"], "a", 3) == 2
    assert even_target(["a"], "b", 3) == 1


@given(
    st.lists(
        st.tuples(st.sampled_from([None, "a", "b", "c"]), st.integers(NOW_MS - 1, NOW_MS + 1)),
        min_size=1,
        max_size=20,
    ),
    st.integers(0, 20),
)
def test_what_is_taken_is_free_and_within_the_target(
    held: list[tuple[str | None, int]], target: int
) -> None:
    rows = [lease(partition, owner, until) for partition, (owner, until) in enumerate(held)]
    live = [row for row in rows if row.owner is not None and row.until_ms > NOW_MS]
    own = sum(row.owner == "a" for row in live)
    taken, surplus = free_share(rows, "a", target, NOW_MS)
    assert not any(row in live for row in taken)
    assert len(taken) == max(min(target - own, len(rows) - len(live)), 0)
    assert surplus == max(own - target, 0)
