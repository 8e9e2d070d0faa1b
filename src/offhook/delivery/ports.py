"""What delivery asks of a store, and of the network."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from offhook.delivery.announcing import HealthNote
from offhook.delivery.bounds.sharing import BoundAsk, BoundGrant
from offhook.delivery.entries import (
    LAST_ATTEMPT,
    Announcement,
    Answer,
    ApplyReport,
    Asked,
    AttemptRecord,
    DeliveryFilter,
    DispatchRequest,
    DuePending,
    DueSlice,
    HeldRange,
    Lane,
    LaneAge,
    PartitionChanges,
    PendingRow,
    Place,
    Request,
    StoredWebhook,
    WebhookSnapshot,
)
from offhook.delivery.filter_faults import FilterFaults
from offhook.delivery.health import EndpointHealth
from offhook.delivery.replays.ports import ReplaySource
from offhook.log.ports import LeaseStore, LogStore
from offhook.model.ids import AccountId, WebhookId


class DispatchStore(Protocol):
    """What the dispatcher asks. All of it is about partitions that the caller holds a lease on."""

    async def webhooks(self) -> WebhookSnapshot:
        """All enabled webhooks, in one snapshot with their version."""
        ...

    async def closed_lanes(self, partition: int, lanes: Collection[Lane]) -> set[Lane]:
        """Those of the given lanes that have a ``retry`` or ``waiting`` row."""
        ...

    async def lane_heads(self, partition: int, lanes: Collection[Lane]) -> dict[Lane, int]:
        """Of those, the lowest position of such a row."""
        ...

    async def lane_counts(self, partition: int) -> dict[WebhookId, int]:
        """How many closed lanes each webhook has; those without any are left out."""
        ...

    async def due(
        self,
        partitions: Collection[int],
        per_webhook: int,
        busy: Collection[Place],
        but: Collection[WebhookId] = (),
    ) -> DueSlice:
        """Rows in state ``retry`` due by the store's clock: at most ``per_webhook`` of each
        endpoint, without the ``busy`` ones, and ``but`` for some endpoints that can take nothing
        now. ``next_due_ms`` is the earliest due time of a row of the others neither returned nor
        busy; it may lie in the past when more were due."""
        ...

    async def first_due(
        self,
        partitions: Collection[int],
        webhooks: Collection[WebhookId],
        busy: Collection[Place] = (),
    ) -> list[DuePending]:
        """Of each of these endpoints' rows in state ``retry``, over all these partitions, the one
        that is due first, whenever that is; not ``busy`` ones, and not those of replays."""
        ...

    async def overheld(self, asked: Sequence[LaneAge], limit: int) -> list[tuple[int, Lane]]:
        """Lanes, with their partition, whose head failed first at or before the moment asked for,
        and whose endpoint accepted something after that."""
        ...

    async def held(self, partition: int) -> list[HeldRange]:
        """The open ranges of a partition."""
        ...

    async def settled_after(
        self, partition: int, cursor: int, held: Sequence[HeldRange] = ()
    ) -> set[tuple[WebhookId, int]]:
        """(webhook, position) of the deliveries that were accepted or have a row of their own, of
        all above the cursor and of those in a range below it: a new owner skips them. They may be
        many: they are read so that others on the loop have their turn meanwhile."""
        ...

    async def requests(self, partitions: Collection[int], limit: int) -> list[DispatchRequest]:
        """Requests not yet carried out, oldest first."""
        ...

    async def apply(self, changes: Sequence[PartitionChanges]) -> ApplyReport:
        """Write what was decided, in one durable transaction that first locks each lease row.

        A partition whose lease is lost contributes nothing. If some row makes the transaction fail,
        halves are tried until it is alone; an attempt that cannot be stored leaves a stub, so that
        one bad result never holds up the others.
        """
        ...

    async def suspect(self, partition: int, epoch: int, position: int | None) -> bool:
        """Note which event is being handled one at a time, after take-overs without progress;
        false if the lease is lost."""
        ...

    async def suspected(self, partition: int) -> int | None:
        """The event that the last owner had noted, if any."""
        ...


class DeliveryStore(Protocol):
    """The ports of a store that deliveries are made from."""

    @property
    def log(self) -> LogStore:
        """The log."""
        ...

    @property
    def leases(self) -> LeaseStore:
        """Who reads which partition."""
        ...

    @property
    def dispatch(self) -> DispatchStore:
        """What was decided, and what is to be known of it."""
        ...

    @property
    def bounds(self) -> "BoundStore":
        """Shares of endpoints' bounds."""
        ...

    @property
    def health(self) -> "HealthStore":
        """How endpoints do."""
        ...

    @property
    def replays(self) -> ReplaySource:
        """What is sent again on somebody's word."""
        ...


class AnnouncementStore(Protocol):
    """What was announced in applies and health notes, on its way to the log."""

    async def announcements(
        self, partitions: Collection[int], limit: int
    ) -> list[tuple[int, Announcement]]:
        """What was announced and is not in the log yet, oldest first, each with its number."""
        ...

    async def announced(self, numbers: Sequence[int]) -> None:
        """These stand in the log: they go."""
        ...


class BoundStore(Protocol):
    """Shares of endpoints' bounds, for processes that hold partitions between them.

    Whoever holds all partitions, and is ``alone``, holds every bound whole and asks nobody.
    """

    async def share(self, owner: str, asks: Sequence[BoundAsk], ttl_s: float) -> list[BoundGrant]:
        """What the owner may use from now on, for ``ttl_s``; in the order of the asks.

        The asks are about different bounds. They are decided by ``sharing.decide_all`` on all rows
        of each bound that still count, by the store's clock, and the owner's row is put in place
        of the one before, all in one transaction that runs alone for each of these endpoints: no
        other one may read between its reading and its commit, not even where there was no row yet.
        """
        ...

    async def alone(self, owner: str) -> bool:
        """Whether nobody else's share counts any more; if so, the owner's own are dropped: it needs
        none while it holds all partitions."""
        ...


class HealthStore(Protocol):
    """How endpoints do, as all processes see it together."""

    async def note_health(self, notes: Sequence[HealthNote]) -> dict[WebhookId, EndpointHealth]:
        """Merge what this process saw of each since its last note into what is stored, by
        ``health.merge``, so that no other one's note is lost; returns what is stored now. What
        ``announcing.turn`` makes of it is announced in the same transaction.

        Notes of endpoints that are disabled, gone, or at another URL by then are left out, also of
        what is returned."""
        ...


class FilterStore(Protocol):
    """What could not be evaluated of endpoints' filters, as all processes see it together."""

    async def note_filter_faults(self, seen: Mapping[WebhookId, FilterFaults]) -> None:
        """Add what this process saw of each since its last note to what is stored, as
        ``filter_faults.add_faults`` does; a webhook that is not there any more gets no row."""
        ...


class DeliveryQueries(Protocol):
    """What the API asks about deliveries."""

    async def attempts(
        self,
        account: AccountId,
        webhook: WebhookId,
        partition: int,
        position: int,
        before: tuple[int, int] = LAST_ATTEMPT,
        limit: int = 200,
    ) -> list[AttemptRecord]:
        """Its attempts, newest first, that stand before (started_ms, number)."""
        ...

    async def request_retry(
        self,
        webhook: WebhookId,
        partition: int,
        position: int,
        canceled: PendingRow | None = None,
    ) -> None:
        """Ask the owner for another attempt now; returns once the request is durable. One that was
        ``canceled`` and has no row gets this one first."""
        ...

    async def request_retries(self, account: AccountId, wanted: DeliveryFilter, most: int) -> Asked:
        """Ask for another attempt now of undelivered deliveries that pass the filter, at most so
        many, but for those that it was asked for already and those of disabled endpoints; returns
        once the requests are durable."""
        ...


class WebhookStore(Protocol):
    """The control plane of webhooks. Every change raises the account's ``config_version`` in its
    own transaction."""

    async def create_webhook(
        self, account: AccountId, webhook: WebhookId, document: bytes, secret: str
    ) -> None:
        """Make it; from this commit on it gets every event that is appended. ``Conflict`` where
        another webhook of the account has its ``external_id``."""
        ...

    async def webhook(self, account: AccountId, webhook: WebhookId) -> StoredWebhook | None:
        """One webhook, enabled or not."""
        ...

    async def list_webhooks(
        self,
        account: AccountId,
        before: WebhookId | None,
        limit: int,
        external_id: str | None = None,
    ) -> list[StoredWebhook]:
        """Newest first; ids sort by the time they were made. With an ``external_id`` the one that
        has it."""
        ...

    async def replace_webhook(
        self,
        account: AccountId,
        webhook: WebhookId,
        document: bytes,
        revision: int,
        *,
        secret: str | None = None,
    ) -> bool:
        """Put a new document in place of the one of ``revision``; false if that is not there. A
        ``secret`` takes the place of all that it had; its health becomes what ``health.renewal``
        says. ``Conflict`` as for ``create_webhook``."""
        ...

    async def rotate_secret(
        self, account: AccountId, webhook: WebhookId, secret: str, overlap_s: int, revision: int
    ) -> bool:
        """Have a new secret sign from this commit on, beside those that ``secret.rotated`` keeps;
        false if the webhook is not at this revision, which it keeps. ``Conflict`` as there."""
        ...

    async def public_keys(self, limit: int) -> list[str]:
        """The public keys (``whpk_``) that may have signed what arrives now, of all accounts,
        newest first."""
        ...

    async def delete_webhook(
        self, account: AccountId, webhook: WebhookId, revision: int | None = None
    ) -> bool:
        """Delete it with its ranges and rows; its attempts stay. Rows of which there are many are
        taken piece by piece, and read by nobody meanwhile. False if it is not there, or not at this
        ``revision`` where one is given."""
        ...


class Transport(Protocol):
    """Sends one request. Never raises for what the network or the receiver does: that is an
    ``Answer`` with an ``error``."""

    async def send(self, request: Request) -> Answer:
        """Send and read the answer, within the request's timeout in all."""
        ...

    async def close(self) -> None:
        """Close idle connections."""
        ...
