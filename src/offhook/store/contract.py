"""What every store offers: an object for each port, and to be told of commits."""

from collections.abc import Callable
from typing import Protocol

from offhook.delivery.lists.ports import DeliverySource
from offhook.delivery.ports import (
    AnnouncementStore,
    BoundStore,
    DeliveryQueries,
    DispatchStore,
    FilterStore,
    HealthStore,
    WebhookStore,
)
from offhook.delivery.replays.ports import ReplaySource, ReplayStore
from offhook.delivery.stats.ports import StatsStore
from offhook.delivery.webhooks.rollout import RolloutStore
from offhook.log.entries import Topic
from offhook.log.ports import FeedStore, LeaseStore, LogStore, RetentionStore, TimerStore
from offhook.log.queries import CallQueries
from offhook.log.running import Service
from offhook.resources.ports import KeyStore


class Replays(ReplayStore, ReplaySource, Protocol):
    """Both ports of replays."""


class Store(Protocol):
    """An open store. ``close`` when done."""

    @property
    def log(self) -> LogStore:
        """Append and read."""
        ...

    @property
    def feed(self) -> FeedStore:
        """Events of one account."""
        ...

    @property
    def calls(self) -> CallQueries:
        """Calls of one account."""
        ...

    @property
    def leases(self) -> LeaseStore:
        """Holds on partitions."""
        ...

    @property
    def timers(self) -> TimerStore:
        """Durable timers."""
        ...

    @property
    def dispatch(self) -> DispatchStore:
        """What the dispatcher asks."""
        ...

    @property
    def deliveries(self) -> DeliveryQueries:
        """What the API asks about deliveries."""
        ...

    @property
    def lists(self) -> DeliverySource:
        """What lists of deliveries are read from."""
        ...

    @property
    def bounds(self) -> BoundStore:
        """Shares of endpoints' bounds."""
        ...

    @property
    def health(self) -> HealthStore:
        """How endpoints do."""
        ...

    @property
    def filters(self) -> FilterStore:
        """What could not be evaluated of endpoints' filters."""
        ...

    @property
    def announcements(self) -> AnnouncementStore:
        """What is told of endpoints and deliveries, on its way to the log."""
        ...

    @property
    def replays(self) -> Replays:
        """What is sent again on somebody's word."""
        ...

    @property
    def stats(self) -> StatsStore:
        """Counts of attempts, and of what waits."""
        ...

    @property
    def webhooks(self) -> WebhookStore:
        """The control plane of webhooks."""
        ...

    @property
    def rollout(self) -> RolloutStore:
        """By which configuration the processes deliver."""
        ...

    @property
    def keys(self) -> KeyStore:
        """Accounts and keys."""
        ...

    @property
    def retention(self) -> RetentionStore:
        """Taking old events out."""
        ...

    @property
    def token_key(self) -> bytes:
        """Signs what any process over this store has to be able to check; 32 bytes."""
        ...

    @property
    def upkeep(self) -> Service | None:
        """What the store has to have done now and then, if anything."""
        ...

    def subscribe(self, subscriber: Callable[[frozenset[Topic]], None]) -> None:
        """Be told of commits."""
        ...

    async def close(self) -> None:
        """Write what waits, then close."""
        ...
