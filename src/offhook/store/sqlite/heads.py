"""Where keys stand: read before the fold, written after it, the hottest kept decoded."""

from collections.abc import Collection, Iterable
from itertools import islice

import msgspec

from offhook.log.entries import KeyRow
from offhook.log.heads import CALL_PREFIX, Contact, Head, Key, contact_of
from offhook.model.call import Call, CallData
from offhook.model.callstate import decode_calls, encode_call
from offhook.model.event import EventRef
from offhook.model.ids import AccountId, EventId
from offhook.store.sqlite.connection import Connection, Value, as_json

_PLAIN = msgspec.json.Decoder(list[tuple[str, str, str, str, int, int]])
_CALLS = msgspec.json.Decoder(list[tuple[str, str, int, str, str, int, int]])


class Heads:
    """The rows of keys, for the writer's thread alone.

    Those that a batch loads are changed in place while its facts are folded, and kept only once
    they are written; ``clear`` when what was written is undone.
    """

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._hot: dict[Key, Head] = {}

    def clear(self) -> None:
        """Believe nothing but the database."""
        self._hot.clear()

    def load(self, connection: Connection, wanted: Iterable[Key]) -> dict[Key, Head]:
        """The heads of these keys; those that are nowhere yet have no row."""
        hot = self._hot
        heads = {key: hot.pop(key) if key in hot else Head(*key) for key in dict.fromkeys(wanted)}
        unread = [head for head in heads.values() if head.row is None]
        if unread:
            _read_calls(connection, heads, [h for h in unread if h.key.startswith(CALL_PREFIX)])
            _read_plain(connection, heads, [h for h in unread if h.row is None])
        return heads

    def store(self, connection: Connection, changed: Collection[Head], last_number: int) -> None:
        """Write the rows of these heads; new calls are numbered from ``last_number`` on."""
        plain: list[tuple[Value, ...]] = []
        advanced: list[tuple[Value, ...]] = []
        placed: list[tuple[Value, ...]] = []
        for head in changed:
            if head.row is None:
                continue
            if head.row.call is None:
                plain.append((head.account, head.key, *_last(head.row)))
                continue
            contact = contact_of(head.row.call)
            if head.number is None:
                last_number += 1
                head.number = last_number
            (advanced if head.stored == contact else placed).append(
                _call_row(head, head.number, head.row, head.row.call, contact)
            )
            head.stored = contact
        connection.insert("key_head_put", plain)
        connection.insert("call_advance", advanced)
        connection.insert("call_put", placed)

    def keep(self, heads: dict[Key, Head]) -> None:
        """These were just used: keep them, and let the longest unused go."""
        self._hot.update((key, head) for key, head in heads.items() if head.row is not None)
        excess = max(len(self._hot) - self._capacity, 0)
        for key in list(islice(self._hot, excess)):
            del self._hot[key]


def _read_calls(connection: Connection, heads: dict[Key, Head], wanted: list[Head]) -> None:
    if not wanted:
        return
    keys = as_json((head.account, head.key) for head in wanted)
    found = connection.row("call_rows", keys=keys)
    if found is None:
        return
    for row, call in zip(_CALLS.decode(found[0]), decode_calls(found[1]), strict=True):
        account, key, number, id_, type_, sequence, position = row
        head = heads[AccountId(account), key]
        head.number = number
        head.row = KeyRow(EventRef(EventId(id_), type_, key, sequence), position, call)
        head.stored = contact_of(call)


def _read_plain(connection: Connection, heads: dict[Key, Head], wanted: list[Head]) -> None:
    if not wanted:
        return
    keys = as_json((head.account, head.key) for head in wanted)
    for row in connection.rows("key_heads", _PLAIN, keys=keys):
        account, key, id_, type_, sequence, position = row
        last = EventRef(EventId(id_), type_, key, sequence)
        heads[AccountId(account), key].row = KeyRow(last, position)


def _last(row: KeyRow) -> tuple[Value, ...]:
    return row.last.id, row.last.type, row.last.sequence, row.position


def _call_row(
    head: Head, number: int, row: KeyRow, call: Call, contact: Contact
) -> tuple[Value, ...]:
    return (
        number,
        head.account,
        head.key,
        *contact,
        *_listed(call.data),
        *_last(row),
        encode_call(call),
    )


def _listed(data: CallData) -> tuple[Value, ...]:
    return data.status, data.outcome, data.campaign_id, data.buyer_id, data.caller_id
