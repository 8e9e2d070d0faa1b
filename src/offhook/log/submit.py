"""From the body of a posted event to what is handed to the log."""

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from offhook.log.entries import Submission
from offhook.model import coercion
from offhook.model.catalogue import postable
from offhook.model.coercion import Misfit
from offhook.model.errors import FieldError, Invalid
from offhook.model.fact import CallFact, PlainFact
from offhook.model.headers import header_errors
from offhook.model.ids import AccountId, EventId
from offhook.model.payloads import key_of, payload_error
from offhook.model.reading import Faults, call_fact, check_size, contact_probe

_FIELDS = frozenset({"type", "data", "key", "occurred_at", "id", "headers"})
_MAX_KEY = 200


class _Posted(msgspec.Struct, frozen=True):
    """An item whose envelope was looked at; ``faults`` gathers what is wrong with all of it."""

    type: str
    item: dict[str, Any]
    data: dict[str, Any]
    moment: datetime | None
    account: AccountId
    test: bool
    size: int
    path: str
    faults: Faults


def read_submission(
    item: object, *, account: AccountId, test: bool, size: int, path: str = "body"
) -> Submission:
    """Read and check one posted event.

    ``item`` is decoded JSON of ``size`` bytes; ``test`` tells that a test key posted it. Raises
    ``Invalid`` with every fault found, ``Forbidden`` for types that only Offhook says, and
    ``TooLarge`` for data beyond 256 KiB.
    """
    if not isinstance(item, dict):
        raise Invalid(
            "An event is a JSON object with type and data.", FieldError(path, "is not an object")
        )
    type_ = postable(item.get("type"), f"{path}.type")
    faults = Faults()
    data = _read_envelope(item, path, faults)
    stamp = item.get("occurred_at")
    moment = None if stamp is None else faults.read(coercion.moment, stamp, f"{path}.occurred_at")
    posted = _Posted(type_, item, data, moment, account, test, size, path, faults)
    read = _call_submission if type_.startswith("call.") else _plain_submission
    submission = read(posted)
    check_size(data, size, f"{path}.data")
    return _identified(submission, item, type_)


def call_submission(
    fact: CallFact, *, account: AccountId, test: bool = False, size: int = 512
) -> Submission:
    """What hands a call fact to the log; ``size`` is its weight in a batch, in bytes."""
    probe = None if test else contact_probe(fact)
    return Submission(account, fact.call_id, fact, size, test, probe=probe)


def _read_envelope(item: dict[str, Any], path: str, faults: Faults) -> dict[str, Any]:
    """The item's data; faults of the fields beside it are noted."""
    if not item.keys() <= _FIELDS:
        for field in item.keys() - _FIELDS:
            name = str(field)[:64]
            faults.add(f"{path}.{name}", f"is no field of an event; send {name} inside data")
    if item.get("id") is not None:
        faults.read(coercion.given_id, item["id"], f"{path}.id")
    if item.get("headers") is not None:
        faults.errors += header_errors(item["headers"], f"{path}.headers")
    data = item.get("data")
    if isinstance(data, dict):
        return data
    faults.add(f"{path}.data", "is missing" if data is None else "is not an object")
    faults.refuse()
    return {}


def _call_submission(posted: _Posted) -> Submission:
    fact = call_fact(
        posted.data,
        account=posted.account,
        type_=posted.type,
        occurred_at=posted.moment,
        headers=posted.item.get("headers") or None,
        test=posted.test,
        path=f"{posted.path}.data",
        faults=posted.faults,
    )
    if (posted.item.get("key") or fact.call_id) != fact.call_id:
        raise Invalid(
            f"A call event's key is its call, {fact.call_id}; leave key out.",
            FieldError(f"{posted.path}.key", "is not the call's id; leave it out"),
        )
    return call_submission(fact, account=posted.account, test=posted.test, size=posted.size)


def _plain_submission(posted: _Posted) -> Submission:
    data, faults, path = posted.data, posted.faults, f"{posted.path}.data"
    key = _read_key(posted.item.get("key"), f"{posted.path}.key", faults)
    try:
        coercion.check_json(data)
    except Misfit as misfit:
        faults.add(path + misfit.at, misfit.message)
    error = payload_error(posted.type, data, path)
    faults.errors += [error] if error is not None else []
    key = key or _read_key(key_of(posted.type, data), path, faults)
    faults.refuse()
    if posted.moment is not None and "occurred_at" not in data:
        data = {**data, "occurred_at": posted.moment}
    headers = posted.item.get("headers") or None
    fact = PlainFact(posted.type, key, msgspec.json.encode(data), headers)
    return Submission(posted.account, key, fact, posted.size, posted.test)


def _read_key(value: object, path: str, faults: Faults) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and len(value) <= _MAX_KEY and value.isprintable():
        return value
    faults.add(
        path, f"{coercion.shown(value)} is not a key of 1 to {_MAX_KEY} printable characters"
    )
    return None


def _identified(submission: Submission, item: dict[str, Any], type_: str) -> Submission:
    given = item.get("id")
    if not given:
        return submission
    body = [type_, item["data"], item.get("key"), item.get("occurred_at")]
    canonical = msgspec.json.encode(body, order="sorted")
    digest = hashlib.blake2b(canonical, digest_size=16).digest()
    return msgspec.structs.replace(submission, given_id=EventId(given), digest=digest)
