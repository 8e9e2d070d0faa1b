"""Where keys stand, on PostgreSQL: read under the locks of an append, written at its end.

Nothing is kept between appends: another process may have appended since.
"""

from collections.abc import Collection, Iterable, Sequence

from offhook.log.entries import KeyRow
from offhook.log.heads import CALL_PREFIX, Head, Key, contact_of
from offhook.model.callstate import decode_call, encode_call
from offhook.model.event import EventRef
from offhook.model.ids import AccountId, EventId
from offhook.store.postgres.session import Session, named

_CALL_COLUMNS = (
    "accounts",
    "ids",
    "started_ms",
    "contact_numbers",
    "duplicates",
    "tests",
    "repeat_callers",
    "statuses",
    "outcomes",
    "campaign_ids",
    "buyer_ids",
    "caller_ids",
    "last_ids",
    "last_types",
    "last_sequences",
    "last_positions",
    "states",
)
_KEY_COLUMNS = ("accounts", "keys", "last_ids", "last_types", "last_sequences", "last_positions")


async def load(session: Session, wanted: Iterable[Key]) -> dict[Key, Head]:
    """The heads of these keys; those that are nowhere yet have no row."""
    heads = {key: Head(*key) for key in dict.fromkeys(wanted)}
    await _read_calls(session, heads, [key for key in heads if key[1].startswith(CALL_PREFIX)])
    await _read_plain(session, heads, [key for key, head in heads.items() if head.row is None])
    return heads


async def store(session: Session, changed: Collection[Head]) -> None:
    """Write the rows of these heads."""
    calls = [_call_row(head) for head in changed if head.call is not None]
    plain = [_key_row(head) for head in changed if head.call is None]
    if calls:
        await session.run("call_put", **named(_CALL_COLUMNS, calls))
    if plain:
        await session.run("key_head_put", **named(_KEY_COLUMNS, plain))


async def _read_calls(session: Session, heads: dict[Key, Head], wanted: Sequence[Key]) -> None:
    if not wanted:
        return
    for row in await session.rows("call_rows", **named(("accounts", "keys"), wanted)):
        account, key, id_, type_, sequence, position, state = row
        head, call = heads[AccountId(account), key], decode_call(state)
        head.row = KeyRow(EventRef(EventId(id_), type_, key, sequence), position, call)
        head.stored = contact_of(call)


async def _read_plain(session: Session, heads: dict[Key, Head], wanted: Sequence[Key]) -> None:
    if not wanted:
        return
    for account, key, id_, type_, sequence, position in await session.rows(
        "key_heads", **named(("accounts", "keys"), wanted)
    ):
        last = EventRef(EventId(id_), type_, key, sequence)
        heads[AccountId(account), key].row = KeyRow(last, position)


def _call_row(head: Head) -> tuple[object, ...]:
    row, call = head.row, head.call
    if row is None or call is None:
        raise AssertionError(f"{head.key} is no call")
    data = call.data
    return (
        head.account,
        head.key,
        *contact_of(call),
        data.status,
        data.outcome,
        data.campaign_id,
        data.buyer_id,
        data.caller_id,
        *_last(row),
        encode_call(call),
    )


def _key_row(head: Head) -> tuple[object, ...]:
    if head.row is None:
        raise AssertionError(f"{head.key} has no row")
    return head.account, head.key, *_last(head.row)


def _last(row: KeyRow) -> tuple[object, ...]:
    return row.last.id, row.last.type, row.last.sequence, row.position
