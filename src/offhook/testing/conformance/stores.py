"""What a conformance suite asks of a store: every port, and to be closed and opened again."""

from typing import Protocol, TypeAlias

from offhook.store.contract import Store

ConformingStore: TypeAlias = Store


class Reopen(Protocol):
    """Closes the store and opens what it left, as a process that starts anew."""

    async def __call__(self) -> ConformingStore:
        """The store, open again."""
        ...
