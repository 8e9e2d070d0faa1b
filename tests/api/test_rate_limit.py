"""A key's rate is held to on every path that takes a key, and told on every answer."""

import pytest

from conftest import ALICE, BOB, STRANGER, Served, call_event
from offhook.api.auth import Gate, Scope, key_digest
from offhook.api.problems import RateLimited
from offhook.model.ids import AccountId, KeyId
from offhook.resources.ports import StoredKey
from offhook.testing.clock import FakeClock

SLOW = "ofh_live_" + "l" * 43
LIMIT = 3
HEADERS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


@pytest.fixture
async def limited(api: Served) -> Served:
    """The API, with a key that may make three requests a second."""
    key = StoredKey(KeyId("key_slow"), AccountId("acc_alice"), False, (Scope.ADMIN.value,), LIMIT)
    await api.store.keys.put_key(key, key_digest(SLOW.encode()))
    return api


async def test_each_answer_tells_what_is_left(limited: Served) -> None:
    answers = [
        await limited.post("/v1/events", call_event(), key=SLOW),
        await limited.get("/v1/calls/call_none", key=SLOW),
        await limited.get("/v1/events?limit=1", key=SLOW),
        await limited.get("/v1/webhooks", key=SLOW),
    ]
    assert [answer.status_code for answer in answers] == [202, 404, 200, 429]
    told = [[answer.headers[name] for name in HEADERS] for answer in answers]
    assert told == [["3", "2", "1"], ["3", "1", "1"], ["3", "0", "1"], ["3", "0", "1"]]


async def test_past_the_limit_there_is_a_problem_that_says_when_to_come_back(
    limited: Served,
) -> None:
    for _ in range(LIMIT):
        await limited.get("/v1/events", key=SLOW)
    for path in ("/v1/events", "/v1/events/batch"):
        answer = await limited.post(path, {"none": "of this is read"}, key=SLOW)
        assert answer.status_code == 429
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "1"
        problem = answer.json()
        assert (problem["code"], problem["title"]) == ("rate_limited", "Too Many Requests")
        assert "key_slow made 3 requests within a second" in problem["detail"]
        assert problem["errors"][0]["path"] == "header.authorization"


async def test_refused_requests_do_not_count(limited: Served) -> None:
    statuses = []
    for _ in range(12):
        statuses.append((await limited.get("/v1/events", key=SLOW)).status_code)
        limited.clock.advance(0.125)
    assert statuses == [200, 200, 200, *[429] * 5, 200, 200, 200, 429]


async def test_a_batch_counts_as_one(limited: Served) -> None:
    items = {"items": [call_event() for _ in range(50)]}
    for _ in range(LIMIT):
        answer = await limited.post("/v1/events/batch", items, key=SLOW)
        assert len(answer.json()["items"]) == 50
    assert answer.headers["ratelimit-remaining"] == "0"


async def test_others_keys_are_not_limited_with_it(limited: Served) -> None:
    for _ in range(LIMIT + 1):
        await limited.get("/v1/events", key=SLOW)
    for key in (ALICE, BOB):
        answer = await limited.get("/v1/events", key=key)
        assert answer.status_code == 200
        assert not set(HEADERS) & set(answer.headers)


async def test_who_is_unknown_is_told_that_and_nothing_of_limits(limited: Served) -> None:
    for key in [None, STRANGER] * 5:
        answer = await limited.get("/v1/events", key=key)
        assert answer.status_code == 401
        assert not set(HEADERS) & set(answer.headers)
    assert (await limited.get("/healthz", key=None)).status_code == 200


class Keys:
    """Knows every key, as having this limit of its own."""

    def __init__(self, own: int | None) -> None:
        self.own = own

    async def key(self, digest: bytes) -> StoredKey | None:
        return StoredKey(KeyId("key_1"), AccountId("acc_1"), False, ("read",), self.own)


@pytest.mark.parametrize(
    ("own", "setting", "granted"),
    [(None, 2, 2), (4, 2, 4), (1, 0, 1), (0, 2, 9), (None, 0, 9)],
)
async def test_a_keys_own_limit_comes_before_the_settings_and_zero_is_none(
    own: int | None, setting: int, granted: int
) -> None:
    gate = Gate(Keys(own), FakeClock(), rate_limit_per_s=setting)
    scopes = [{"headers": [(b"authorization", b"Bearer x")]} for _ in range(granted)]
    for scope in scopes:
        await gate.admit(scope)
    if granted < 9:
        with pytest.raises(RateLimited):
            await gate.admit(scopes[0])
