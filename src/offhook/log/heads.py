"""Where keys stand, as an append sees them between reading their rows and writing them."""

from typing import NamedTuple, TypeAlias

from offhook.log.entries import KeyRow
from offhook.model.call import Call
from offhook.model.event import to_ms
from offhook.model.ids import AccountId

Key: TypeAlias = tuple[AccountId, str]

CALL_PREFIX = "call_"
"""What the ids of calls begin with; other keys are no calls."""


class Contact(NamedTuple):
    """By what a contact's calls are found; ``started_ms`` is 0 while the start is unknown."""

    started_ms: int
    number: str | None
    duplicate: bool
    test: bool
    repeat_caller: bool | None


class Head:
    """Where one key stands. ``number`` is the call's row where the store numbers them, ``stored``
    what its indexes hold; ``None`` for a call that is not stored yet."""

    __slots__ = ("account", "key", "number", "row", "stored")

    def __init__(self, account: AccountId, key: str) -> None:
        self.account = account
        self.key = key
        self.row: KeyRow | None = None
        self.number: int | None = None
        self.stored: Contact | None = None

    @property
    def call(self) -> Call | None:
        """The call's state, if the key is a call's."""
        return None if self.row is None else self.row.call


def contact_of(call: Call) -> Contact:
    """The part of a call by which a contact's calls are found."""
    data = call.data
    return Contact(
        0 if data.started_at is None else to_ms(data.started_at),
        data.contact_number,
        data.duplicate_of is not None,
        call.test,
        data.repeat_caller,
    )
