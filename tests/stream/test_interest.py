"""What is picked from memory is what the store's feed would have picked."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offhook.api.stream.interest import Interest, covers, types_by_subject
from offhook.log.entries import FeedFilter
from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId
from offhook.store.sqlite import SqliteStore, open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.material import OTHER_ACCOUNT, appended, plain, whole_log

TYPES = ["custom.a", "custom.ab", "custom.a.b", "custom.b", "message.sent", "call.started"]
PATTERNS = [*TYPES, "custom.*", "custom.a.*", "message.*", "call.*"]
PATTERN_SETS = st.none() | st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=4).map(tuple)
KEYS = ["k", "j"]


def interest(
    types: tuple[str, ...] | None, key: str | None = None, account: AccountId = DEFAULT_ACCOUNT
) -> Interest:
    return Interest(account, FeedFilter(types=types, key=key))


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(None, clock=FakeClock())
    for account in (DEFAULT_ACCOUNT, OTHER_ACCOUNT):
        for key in KEYS:
            await appended(opened, *(plain(key, type_=type_, account=account) for type_ in TYPES))
    yield opened
    await opened.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(types=PATTERN_SETS, key=st.sampled_from([None, *KEYS, "nobody"]))
async def test_it_wants_what_the_feed_would_bring(
    store: SqliteStore, types: tuple[str, ...] | None, key: str | None
) -> None:
    events = await whole_log(store)
    for account in (DEFAULT_ACCOUNT, OTHER_ACCOUNT):
        wanted = interest(types, key, account)
        page = await store.feed.feed(account, {}, 100, wanted.filter)
        assert [it.id for it in events if wanted.wants(it)] == [it.id for it in page.events]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    types=PATTERN_SETS,
    key=st.sampled_from([None, *KEYS]),
    picked=st.lists(st.integers(0, 23), max_size=3),
)
async def test_news_concern_whoever_wants_one_of_them(
    store: SqliteStore, types: tuple[str, ...] | None, key: str | None, picked: list[int]
) -> None:
    log = await whole_log(store)
    events: list[LogEvent] = [log[at] for at in picked]
    wanted = interest(types, key)
    types = types_by_subject(events).get(wanted.subject, ())
    assert wanted.takes_any(types) == any(map(wanted.wants, events))


@given(granted=PATTERN_SETS, asked=PATTERN_SETS)
def test_nothing_beyond_the_grant_is_brought(
    granted: tuple[str, ...] | None, asked: tuple[str, ...] | None
) -> None:
    allowed, wanted = interest(granted), interest(asked)
    if covers(granted, asked):
        assert all(allowed.takes(type_) for type_ in TYPES if wanted.takes(type_))


@pytest.mark.parametrize(
    ("granted", "asked", "covered"),
    [
        (None, None, True),
        (None, ("call.*",), True),
        (("call.*",), None, False),
        (("call.*",), ("call.started", "call.*"), True),
        (("call.*",), ("call.started", "custom.a"), False),
        (("custom.*",), ("custom.a.*",), True),
        (("custom.a",), ("custom.*",), False),
    ],
)
def test_a_grant_covers_its_own_patterns_and_narrower_ones(
    granted: tuple[str, ...] | None, asked: tuple[str, ...] | None, covered: bool
) -> None:
    assert covers(granted, asked) is covered
