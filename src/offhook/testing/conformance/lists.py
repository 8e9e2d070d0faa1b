"""Deliveries as the API lists them, for suites that look at what became of some."""

from itertools import count

from offhook.clock import Clock
from offhook.delivery.entries import DeliveryFilter, DeliveryView
from offhook.delivery.lists.entries import Rest
from offhook.delivery.lists.listing import Listing
from offhook.model.ids import DEFAULT_ACCOUNT, AccountId
from offhook.testing.clock import FakeClock
from offhook.testing.conformance.stores import ConformingStore

_LIMIT = 200


def listing_of(
    store: ConformingStore, clock: Clock | None = None, attempts_kept_ms: int | None = None
) -> Listing:
    """The lists of a store, by this clock, with attempts kept for ever unless told otherwise."""
    return Listing(
        source=store.lists,
        webhooks=store.webhooks,
        feed=store.feed,
        clock=clock or FakeClock(),
        attempts_kept_ms=attempts_kept_ms,
    )


async def listed(
    store: ConformingStore,
    wanted: DeliveryFilter,
    *,
    account: AccountId = DEFAULT_ACCOUNT,
    limit: int = _LIMIT,
) -> list[DeliveryView]:
    """All deliveries that pass the filter, page by page, newest event first."""
    return await listed_by(listing_of(store), wanted, account=account, limit=limit)


async def listed_by(
    listing: Listing,
    wanted: DeliveryFilter,
    *,
    account: AccountId = DEFAULT_ACCOUNT,
    limit: int = _LIMIT,
) -> list[DeliveryView]:
    """The same of one listing."""
    views: list[DeliveryView] = []
    rest: Rest | None = None
    for page in count():
        assert page < 10_000, "a list without end"
        found = await listing.page(account, wanted, rest, limit)
        assert len(found.views) <= limit
        views += found.views
        rest = found.rest
        if not rest:
            break
    return views
