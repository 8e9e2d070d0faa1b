"""Identifiers: how each is formed, and what can be read back from it."""

import base64
import hashlib
import re
import zlib
from typing import Final, NewType

AccountId = NewType("AccountId", str)
EventId = NewType("EventId", str)
CallId = NewType("CallId", str)
WebhookId = NewType("WebhookId", str)
DeliveryId = NewType("DeliveryId", str)
KeyId = NewType("KeyId", str)
ReplayId = NewType("ReplayId", str)

DEFAULT_ACCOUNT = AccountId("acc_default")

LAST_PARTITION: Final = 2**31 - 1
FARTHEST_POSITION: Final = 2**62
"""No position is farther from zero, on either side: what retention took from a log that was moved
stands at negative ones. What any store counts on from there still is a number that it holds."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in _CROCKFORD for low in _CROCKFORD]
_SHIFTS = range(70, -1, -10)
_MULTIPLIER = 0x9E3779B1
_PLACE = re.compile(r"([!-~]+)\.([0-9]{1,10})\.(-?[0-9]{1,19})")


def event_id(created_ms: int, partition: int, position: int, partitions: int) -> EventId:
    """The id of the event at a place in the log: 48 bits of time, then 32 bits of place.

    Unique within a log: the low word is a bijection of (partition, position), which repeats only
    after 2**32 events, long after the millisecond has passed.
    """
    place = (position * partitions + partition) * _MULTIPLIER & 0xFFFFFFFF
    return EventId(f"evt_{created_ms:012x}{place:08x}")


def call_id(account: AccountId, source: str, identity: str) -> CallId:
    """The call's id: the same account, source and group (else external id) always give the same."""
    named = "\x00".join((account, source, identity)).encode()
    number = int.from_bytes(hashlib.blake2b(named, digest_size=10).digest(), "big")
    pairs = [_PAIRS[number >> shift & 1023] for shift in _SHIFTS]
    return CallId("call_" + "".join(pairs))


def made_id(prefix: str, made_ms: int, entropy: bytes) -> str:
    """An id that sorts by when it was made: 48 bits of time, then 64 of the given randomness."""
    return f"{prefix}_{made_ms:012x}{entropy[:8].hex()}"


def partition_of(account: AccountId, key: str, partitions: int) -> int:
    """The partition that holds a key's events; stable over processes and releases."""
    return 0 if partitions == 1 else zlib.crc32(f"{account}\x00{key}".encode()) % partitions


def delivery_id(webhook: WebhookId, partition: int, position: int) -> DeliveryId:
    """A delivery is one event to one endpoint; its id encodes both."""
    place = f"{webhook}.{partition}.{position}".encode()
    return DeliveryId("dlv_" + base64.urlsafe_b64encode(place).decode().rstrip("="))


def parse_delivery_id(text: str) -> tuple[WebhookId, int, int] | None:
    """The webhook, partition and position that a delivery id names; ``None`` if it names none, as
    any other spelling of the same place does."""
    packed = text.removeprefix("dlv_")
    try:
        spelled = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
    except ValueError:
        return None
    read = _PLACE.fullmatch(spelled)
    if read is None:
        return None
    place = WebhookId(read[1]), int(read[2]), int(read[3])
    exists = place[1] <= LAST_PARTITION and abs(place[2]) <= FARTHEST_POSITION
    return place if exists and delivery_id(*place) == text else None
