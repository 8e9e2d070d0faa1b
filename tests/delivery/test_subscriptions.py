"""Who gets an event, and in which spelling."""

import msgspec
import pytest
from msgspec.structs import replace
from pieces import CRM, event

from offhook.delivery.document import WebhookDocument
from offhook.delivery.entries import StoredWebhook, WebhookSnapshot
from offhook.delivery.subscriptions import Endpoint, Subscriptions, endpoint_of
from offhook.model.event import LogEvent
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId, WebhookId
from offhook.signing.secret import Secret, make_secret

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
    return endpoint_of(subscribed_as(document, name, account, start))


def subscribed_as(
    document: WebhookDocument,
    name: str = "crm",
    account: AccountId = DEFAULT_ACCOUNT,
    start: int = 0,
) -> StoredWebhook:
    stored = document.model_dump_json().encode()
    return StoredWebhook(WebhookId(f"wh_{name}"), account, stored, (Secret(SECRET),), {0: start})


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


def named(*endpoints: Endpoint, of: LogEvent, told: list[str]) -> list[str]:
    subscriptions = Subscriptions(
        1, endpoints, lambda *fault: told.append(f"{fault[0]}: {fault[2]}")
    )
    return [each.id for each in subscriptions.match(of)]


def test_a_filter_keeps_back_what_it_is_not_true_of() -> None:
    long = subscribed(filter="data.talk_s != null && data.talk_s > 90")
    assert [
        gets(long, data=msgspec.json.encode({"talk_s": seconds})) for seconds in (91.5, 90, None)
    ] == [True, False, False]
    assert not gets(subscribed(filter="type == 'call.ended'"))


def test_a_filter_that_cannot_be_evaluated_keeps_the_event_back_and_is_told_of() -> None:
    told: list[str] = []
    endpoints = [subscribed(name="bad", filter="data.talk_s > 90"), subscribed(name="good")]
    found = event(5, type="call.missed", data=b'{"talk_s":null}')
    assert named(*endpoints, of=found, told=told) == ["wh_good"]
    assert told == ["wh_bad: > does not work on null and int"]


def test_filters_that_look_at_different_fields_share_one_view_of_the_event() -> None:
    endpoints = [
        subscribed(name="one", filter="data.a == 1"),
        subscribed(name="none"),
        subscribed(name="two", filter="data.b == 'x' && test == false"),
        subscribed(name="three", filter="data.b == 'y'"),
    ]
    found = event(5, type="call.missed", data=b'{"a":1,"b":"x"}')
    assert named(*endpoints, of=found, told=[]) == ["wh_one", "wh_none", "wh_two"]


def test_who_gets_an_event_another_way_is_not_asked_about_it() -> None:
    """An endpoint that fell behind reads the event again: its filter's fault counts then."""
    told: list[WebhookId] = []
    behind = subscribed(name="behind", filter="data.x > 1")
    subscriptions = Subscriptions(1, [behind], lambda webhook, *_: told.append(webhook))
    found = event(5, type="call.missed", data=b"{}")
    assert subscriptions.match(found, lambda webhook: webhook == behind.id) == []
    assert told == []
    assert not subscriptions.wants(behind.id, found)
    assert told == [behind.id]


def test_what_cannot_be_matched_with_one_endpoint_goes_to_the_others_all_the_same() -> None:
    told: list[str] = []
    endpoints = [
        subscribed(name="listed", contact_list_ids=["7"]),
        subscribed(name="filtered", filter="data.x == 1"),
        subscribed(name="plain"),
    ]
    found = event(5, type="call.missed", data=b'["no object"]')
    assert named(*endpoints, of=found, told=told) == ["wh_plain"]
    assert {fault.split(":")[0] for fault in told} == {"wh_listed", "wh_filtered"}
    assert all("the event cannot be matched" in fault for fault in told)


def test_what_is_said_of_a_webhook_that_cannot_be_loaded_shows_none_of_its_values() -> None:
    minimal = {"url": "https://crm.example/hook", "events": ["*"]}
    good = subscribed_as(WebhookDocument.model_validate(minimal), "good")
    odd = {**minimal, "headers": {"X-Key": ["s3cr3t"]}, "later": "s3cr3t"}
    bad = replace(good, id=WebhookId("wh_bad"), document=msgspec.json.encode(odd))
    found = Subscriptions.of(WebhookSnapshot(3, (bad, good), ((CRM, "sealed"),)), lambda *_: None)
    assert (found.version, list(found.endpoints)) == (3, ["wh_good"])
    assert found.left_out[CRM] == "sealed"
    reason = found.left_out[bad.id]
    assert "headers.X-Key" in reason
    assert "later" in reason
    assert "s3cr3t" not in reason


def test_without_a_filter_an_event_is_not_decoded() -> None:
    assert gets(subscribed(), data=b"not JSON at all")


@pytest.mark.parametrize(("masks", "key"), [(False, None), (True, b"k" * 32)])
def test_an_endpoint_that_masks_callers_has_the_accounts_key(
    masks: bool, key: bytes | None
) -> None:
    document = WebhookDocument.model_validate(
        {"url": "https://a.example/hook", "events": ["*"], "mask_caller_id": masks}
    )
    stored = subscribed_as(document)
    assert endpoint_of(replace(stored, hash_key=b"k" * 32)).mask_key == key
