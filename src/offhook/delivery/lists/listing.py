"""Lists of deliveries: page by page, newest event first, and one by itself."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from offhook.clock import Clock
from offhook.delivery.entries import (
    AttemptRecord,
    DeliveryFilter,
    DeliveryView,
    PendingRow,
    PendingState,
    Place,
)
from offhook.delivery.lists.entries import Candidate, DeliveryPage, Rest, Seen
from offhook.delivery.lists.merging import Merge
from offhook.delivery.lists.ports import DeliverySource
from offhook.delivery.lists.strands import (
    EVENTS_A_LOOK,
    LogStrand,
    NamedStrand,
    TraceStrand,
    begins_after,
    log_strands,
    named_strand,
    trace_filter,
    trace_strands,
)
from offhook.delivery.lists.subscribed import subscribed
from offhook.delivery.lists.traces import Traces, fits, sources_of, status_of, view_of, was_passed
from offhook.delivery.ports import WebhookStore
from offhook.log.ports import FeedStore
from offhook.model.event import to_ms
from offhook.model.ids import AccountId, WebhookId

MOST_LOOKED_AT = 20_000
"""So many places are looked at for one page."""

_EVENT_COSTS = 4
_VIEW_COSTS = 4
_WEBHOOKS_AT_ONCE = 500


class Listing:
    """Deliveries of an account. Attempts are kept for ``attempts_kept_ms``, or for ever."""

    def __init__(
        self,
        *,
        source: DeliverySource,
        webhooks: WebhookStore,
        feed: FeedStore,
        clock: Clock,
        attempts_kept_ms: int | None,
    ) -> None:
        self._source = source
        self._webhooks = webhooks
        self._feed = feed
        self._clock = clock
        self._attempts_kept_ms = attempts_kept_ms

    async def page(
        self, account: AccountId, wanted: DeliveryFilter, rest: Rest | None, limit: int
    ) -> DeliveryPage:
        """The next deliveries that pass the filter, newest event first; ``rest`` is what the page
        before left."""
        search = _Search(self._source, self._webhooks, account, wanted, rest, self._recorded_ms())
        await search.begin()
        return await search.page(limit)

    async def one(self, account: AccountId, place: Place) -> DeliveryView | None:
        """One delivery; ``None`` when the account has no such webhook or event."""
        for traces, latest in await self._source.traces(account, [place]):
            if traces.known and traces.account == account:
                passed = was_passed(traces, self._recorded_ms())
                wanted = passed and await self._wants(account, traces)
                return view_of(traces, latest, status_of(traces, wanted=wanted))
        return None

    def canceled_row(self, account: AccountId, view: DeliveryView) -> PendingRow:
        """The row that a canceled delivery would have."""
        return PendingRow(
            webhook=view.webhook,
            partition=view.partition,
            position=view.position,
            account=account,
            event_id=view.event_id,
            event_type=view.event_type,
            key=view.key,
            lane=None,
            state=PendingState.CANCELED,
            number=view.attempts,
            due_ms=None,
            since_ms=to_ms(self._clock.now()),
            reason=view.reason,
        )

    async def _wants(self, account: AccountId, traces: Traces) -> bool:
        stored = await self._webhooks.webhook(account, traces.webhook)
        event = traces.event_id and await self._feed.event(account, traces.event_id)
        if stored is None or not event:
            return False
        return bool(subscribed([stored]).match(event))

    def _recorded_ms(self) -> int:
        kept_ms = self._attempts_kept_ms
        return 0 if kept_ms is None else to_ms(self._clock.now()) - kept_ms


class _Search:
    """One page of one list."""

    def __init__(
        self,
        source: DeliverySource,
        webhooks: WebhookStore,
        account: AccountId,
        wanted: DeliveryFilter,
        rest: Rest | None,
        recorded_ms: int,
    ) -> None:
        self._source = source
        self._webhooks = webhooks
        self._account = account
        self._wanted = wanted
        self._before = rest
        self._recorded_ms = recorded_ms
        self._sources = sources_of(wanted.statuses)
        self._fits = trace_filter(wanted, self._sources)
        self._audience = subscribed(())
        self._asked_for: set[Place] = set()
        self._left = MOST_LOOKED_AT
        self._merge = Merge(())

    async def begin(self) -> None:
        """Find out where to look. How far endpoints have come is read before any trace: what they
        come to meanwhile is found twice, and counts once."""
        stretches = await self._source.stretches(self._account, self._wanted.webhook)
        spans = await self._source.spans(self._wanted.since_ms, self._wanted.until_ms)
        named = await self._named()
        if named is not None:
            partition, positions = named
            self._merge = Merge([named_strand(partition, positions, spans, self._before)])
            await self._hear()
            return
        endpoints = await self._endpoints()
        sources = self._sources
        near = [it for it in stretches if (sources.ahead if it.enabled else sources.missed)]
        read = log_strands(near, spans, self._before)
        if read:
            await self._hear()
        self._merge = Merge([*trace_strands(self._sources, endpoints, spans, self._before), *read])

    async def page(self, limit: int) -> DeliveryPage:
        """The page. One more than it has is looked for, so that a full one is known to be the
        last."""
        views: list[DeliveryView] = []
        while len(views) <= limit and self._left > 0:
            taken = self._merge.take(limit + 1 - len(views))
            if taken:
                views += await self._views(taken)
            elif not await self._look():
                break
        for view in views[limit:]:
            self._merge.found(view.partition, [Candidate(view.position, view.webhook, 0)])
        return DeliveryPage(views[:limit], self._merge.rest())

    async def _named(self) -> tuple[int, Sequence[int]] | None:
        """Where the events stand that the filter names; ``None`` when it names none."""
        event, key = self._wanted.event, self._wanted.key
        if event is None and key is None:
            return None
        of_key = None if key is None else await self._source.places_of(self._account, key)
        if event is None:
            return of_key
        place = await self._source.place_of(self._account, event)
        if place is None or (of_key and (place[0] != of_key[0] or place[1] not in of_key[1])):
            return (0, []) if place is None else (place[0], [])
        return place[0], [place[1]]

    async def _endpoints(self) -> Sequence[WebhookId]:
        if self._wanted.webhook is not None:
            return [self._wanted.webhook]
        return await self._source.endpoints(self._account)

    async def _hear(self) -> None:
        """Find out who wants which events, disabled or not."""
        if self._wanted.webhook is not None:
            one = await self._webhooks.webhook(self._account, self._wanted.webhook)
            stored = [] if one is None else [one]
        else:
            stored, page = (
                [],
                await self._webhooks.list_webhooks(self._account, None, _WEBHOOKS_AT_ONCE),
            )
            while page:
                stored += page
                page = await self._webhooks.list_webhooks(
                    self._account, page[-1].id, _WEBHOOKS_AT_ONCE
                )
        self._audience = subscribed(stored)

    async def _views(self, taken: Sequence[tuple[int, Candidate]]) -> list[DeliveryView]:
        self._left -= _VIEW_COSTS * len(taken)
        places = [(it.webhook, partition, it.position) for partition, it in taken]
        found = await self._source.traces(self._account, places)
        views = (self._view(traces, latest) for traces, latest in found)
        return [view for view in views if view is not None]

    def _view(self, traces: Traces, latest: AttemptRecord | None) -> DeliveryView | None:
        place = (traces.webhook, traces.partition, traces.position)
        asked_for = place in self._asked_for and was_passed(traces, self._recorded_ms)
        status = status_of(traces, wanted=asked_for)
        if not fits(traces, self._wanted, status):
            return None
        return view_of(traces, latest, status)

    async def _look(self) -> bool:
        """Look at more of what must be, before anything more is certain; returns whether there was
        any."""
        dry = self._merge.dry()
        await self._look_at_traces([it for it in dry if isinstance(it, TraceStrand)])
        await self._look_at_log([it for it in dry if isinstance(it, LogStrand)])
        for strand in dry:
            if isinstance(strand, NamedStrand):
                await self._look_at_named(strand)
        return bool(dry)

    async def _look_at_traces(self, strands: Sequence[TraceStrand]) -> None:
        alike = attrgetter("looks_at")
        for (trace, most), group in groupby(sorted(strands, key=alike), alike):
            looked = list(group)
            looks = [strand.look() for strand in looked]
            seen = await self._source.seen(trace, self._account, looks, most, self._fits)
            for number, strand in enumerate(looked):
                self._saw(strand, [it for it in seen if it.look == number], most)

    def _saw(self, strand: TraceStrand, seen: Sequence[Seen], most: int) -> None:
        full = [it.position - 1 for it in seen if it.last]
        self._left -= most if full else len(seen)
        found = [Candidate(it.position, strand.webhook, it.created_ms) for it in seen if it.fits]
        strand.looked(found, full[0] if full else strand.after)
        self._merge.found(strand.partition, found)

    async def _look_at_log(self, strands: Sequence[LogStrand]) -> None:
        if not strands:
            return
        spans = [(strand.partition, strand.look()) for strand in strands]
        self._left -= _EVENT_COSTS * sum(span.through - span.after for _, span in spans)
        limit = EVENTS_A_LOOK * len(spans)
        events = await self._source.events(self._account, spans, limit)
        for strand, (partition, span) in zip(strands, spans, strict=True):
            found = [
                Candidate(event.position, webhook, event.created_ms)
                for event in events
                if event.partition == partition and span.after < event.position <= span.through
                for webhook in strand.wanted(event, self._audience)
            ]
            strand.looked(found, span.after)
            self._ask(partition, found)

    async def _look_at_named(self, strand: NamedStrand) -> None:
        positions, through = strand.look()
        partition = strand.partition
        events = await self._source.events_at(partition, positions)
        traced = await self._source.traced(self._account, partition, positions)
        created_ms = {event.position: event.created_ms for event in events}
        asked_for = [
            Candidate(event.position, endpoint.id, event.created_ms)
            for event in events
            for endpoint in self._audience.match(event)
        ]
        found = [Candidate(at, webhook, created_ms.get(at, 0)) for webhook, at in traced]
        strand.looked([*asked_for, *found], through)
        self._merge.found(partition, [it for it in found if self._is_wanted(it, partition)])
        self._ask(partition, asked_for)

    def _ask(self, partition: int, candidates: Sequence[Candidate]) -> None:
        """These events were asked for by these endpoints."""
        wanted = [it for it in candidates if self._is_wanted(it, partition)]
        self._asked_for |= {(it.webhook, partition, it.position) for it in wanted}
        self._merge.found(partition, wanted)

    def _is_wanted(self, it: Candidate, partition: int) -> bool:
        own = self._wanted.webhook in {None, it.webhook}
        return own and begins_after(it, partition, self._before)
