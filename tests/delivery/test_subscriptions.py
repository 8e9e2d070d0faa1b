"""Who gets an event, and in which spelling."""

import msgspec
import pytest
from pieces import event

from offhook.delivery.entries import StoredWebhook
from offhook.delivery.subscriptions import Endpoint, Subscriptions, endpoint_of
from offhook.delivery.webhook import WebhookDocument
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId, WebhookId
from offhook.signing.secret import make_secret

SECRET = make_secret(bytes(32))


def subscribed(
    *events: str,
    name: str = "crm",
    account: AccountId = DEFAULT_ACCOUNT,
    start: int = 0,
    **fields: object,
) -> Endpoint:
    document = WebhookDocument.model_validate(
        {"url": "https://crm.example/hook", "events": list(events or ("*",)), **fields}
    )
    stored = document.model_dump_json().encode()
    return endpoint_of(
        StoredWebhook(WebhookId(f"wh_{name}"), account, stored, (SECRET,), {0: start})
    )


def gets(endpoint: Endpoint, *, type_: str = "call.missed", position: int = 5, **of: object):
    subscriptions = Subscriptions(1, [endpoint])
    found = event(position, type=type_, **of)
    matched = subscriptions.match(found) == [endpoint]
    assert matched == subscriptions.wants(endpoint.id, found)
    return matched


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        (["*"], True),
        (["call.*"], True),
        (["call.missed"], True),
        (["Call Missed"], True),
        (["message.received", "call.missed"], True),
        (["call.ended"], False),
        (["message.*"], False),
        (["custom.*"], False),
    ],
)
def test_types_prefixes_and_aliases(patterns: list[str], wanted: bool) -> None:
    assert gets(subscribed(*patterns)) == wanted


def test_an_endpoint_gets_what_was_appended_after_it_was_made() -> None:
    late = subscribed(start=5)
    assert [gets(late, position=at) for at in (4, 5, 6)] == [False, False, True]


def test_another_accounts_events_are_never_matched() -> None:
    assert not gets(subscribed(account=AccountId("acc_other")))


@pytest.mark.parametrize(
    ("kind", "option"), [("historical", "include_historical"), ("test", "test")]
)
def test_history_and_tests_come_to_who_asks_for_them(kind: str, option: str) -> None:
    assert not gets(subscribed(), **{kind: True})
    assert gets(subscribed(**{option: True}), **{kind: True})
    assert gets(subscribed(**{option: True}))


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ({"contact_list_ids": ["cl_1", "cl_9"]}, True),
        ({"contact_list_ids": ["cl_9"]}, False),
        ({"contact_list_ids": None}, False),
        ({}, False),
    ],
)
def test_contact_lists_narrow_what_an_endpoint_gets(data: object, wanted: bool) -> None:
    listed = subscribed(contact_list_ids=["cl_1", "cl_2"])
    assert gets(listed, data=msgspec.json.encode(data)) == wanted


def test_a_type_goes_out_as_it_was_subscribed_to_only_where_that_is_asked_for() -> None:
    patterns = ("Call Missed", "call.*")
    assert subscribed(*patterns).spellings == {}
    asked = subscribed(*patterns, type_names="as_subscribed")
    assert asked.spellings == {"call.missed": "Call Missed"}


def test_each_event_goes_to_all_that_want_it() -> None:
    endpoints = [
        subscribed(name="all"),
        subscribed("call.ended", name="ends"),
        subscribed("call.*", name="calls"),
    ]
    subscriptions = Subscriptions(1, endpoints)
    for _ in range(2):
        matched = subscriptions.match(event(5, type="call.missed"))
        assert [each.id for each in matched] == ["wh_all", "wh_calls"]


def test_an_endpoint_that_is_dropped_matches_nothing_any_more() -> None:
    crm, ads = subscribed(name="crm"), subscribed(name="ads")
    subscriptions = Subscriptions(1, [crm, ads])
    assert subscriptions.match(event(5)) == [crm, ads]
    subscriptions.drop(crm.id)
    subscriptions.drop(crm.id)
    assert subscriptions.match(event(6)) == [ads]
