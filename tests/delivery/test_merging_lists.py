"""Lists put their sources together in one order, whatever is looked at when, and go on where a page
ended."""

from hypothesis import given
from hypothesis import strategies as st

from offhook.delivery.lists.entries import Candidate, Rest
from offhook.delivery.lists.merging import Merge, Strand
from offhook.model.ids import WebhookId

WEBHOOKS = [WebhookId(f"wh_{name}") for name in "abc"]
END = 30

Found = dict[int, list[list[tuple[int, WebhookId]]]]
"""What stands where: of each partition some sources, of each its deliveries."""

DELIVERY = st.tuples(st.integers(1, END), st.sampled_from(WEBHOOKS))
SOURCES = st.lists(st.lists(DELIVERY, unique=True, max_size=20), min_size=1, max_size=3)
STANDING = st.dictionaries(st.integers(0, 3), SOURCES, min_size=1, max_size=4)


def created_ms(partition: int, position: int) -> int:
    """In each partition positions rise with time, in one faster than in another."""
    return position * (partition + 1) * 7


def page(found: Found, rest: Rest | None, limit: int, a_look: int) -> tuple[list[object], Rest]:
    """A page, where each look comes upon so many positions."""
    strands = {
        Strand(at, 0, END if rest is None else rest[at][0], 1): own
        for at, sources in found.items()
        if rest is None or at in rest
        for own in sources
    }
    merge, shown = Merge(list(strands)), list[object]()
    while len(shown) < limit:
        taken = merge.take(limit - len(shown))
        shown += [(at, it.position, it.webhook) for at, it in taken]
        dry = merge.dry()
        if not taken and not dry:
            break
        for strand in () if taken else dry:
            through = max(0, strand.through - a_look)
            seen = [
                Candidate(position, webhook, created_ms(strand.partition, position))
                for position, webhook in strands[strand]
                if through < position <= strand.through
                and left(position, webhook, strand.partition, rest)
            ]
            strand.looked(seen, through)
            merge.found(strand.partition, seen)
    return shown, merge.rest()


def left(position: int, webhook: WebhookId, partition: int, rest: Rest | None) -> bool:
    if rest is None or rest[partition][0] != position:
        return True
    first = rest[partition][1]
    return first is None or webhook <= first


@given(STANDING, st.integers(1, 8), st.integers(1, 11))
def test_all_is_listed_once_and_newest_first(found: Found, limit: int, a_look: int) -> None:
    expected = sorted(
        {
            (created_ms(at, position), at, position, webhook)
            for at, sources in found.items()
            for own in sources
            for position, webhook in own
        },
        reverse=True,
    )
    listed: list[object] = []
    rest: Rest | None = None
    while rest is None or rest:
        shown, rest = page(found, rest, limit, a_look)
        assert len(shown) <= limit
        listed += shown
    assert listed == [(at, position, webhook) for _, at, position, webhook in expected]
