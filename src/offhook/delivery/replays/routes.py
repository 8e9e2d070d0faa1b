"""The API of replays: have deliveries sent again, see how far that is, cancel it."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, Field

from offhook.api.auth import Gate, Scope
from offhook.api.pages import IdCursor, Page, PageQuery, Window, read_cursor, write_cursor
from offhook.api.routing import Asking, keyed_router
from offhook.clock import Clock
from offhook.delivery.loading import document_of
from offhook.delivery.ports import WebhookStore
from offhook.delivery.replays.entries import ReplayJob, ReplayScope, ReplayState, ReplayView
from offhook.delivery.replays.ports import ReplayStore
from offhook.delivery.webhooks.finding import Entropy, disabled, found
from offhook.model.catalogue import read_pattern
from offhook.model.errors import Conflict, FieldError, NotFound
from offhook.model.event import rfc3339_ms, to_ms
from offhook.model.ids import AccountId, ReplayId, WebhookId, made_id

MOST_RUNNING = 20
"""Replays of one webhook at a time."""


class ReplayRequest(Window):
    """What to send again. ``since`` is in, ``until`` is out; both are of when events were created.

    ``types`` are types, aliases, ``prefix.*`` or ``*``; without them any. ``only`` says which
    deliveries: ``failed`` (given up), ``undelivered`` (those, canceled ones, what matched while the
    webhook was disabled; pending ones are hurried), ``all`` (accepted ones too).
    """

    types: (
        Annotated[list[Annotated[str, Field(max_length=128)]], Field(min_length=1, max_length=200)]
        | None
    ) = None
    only: ReplayScope = ReplayScope.UNDELIVERED
    rate_per_s: Annotated[float, Field(strict=True, ge=0.01, le=10_000, allow_inf_nan=False)] = (
        100.0
    )

    def job(self, replay: ReplayId, account: AccountId, webhook: WebhookId) -> ReplayJob:
        """The same in the store's words."""
        named = None
        if self.types is not None:
            named = tuple(
                read_pattern(written, f"body.types.{place}")
                for place, written in enumerate(self.types)
            )
        return ReplayJob(
            id=replay,
            account=account,
            webhook=webhook,
            scope=self.only,
            since_ms=None if self.since is None else to_ms(self.since),
            until_ms=None if self.until is None else to_ms(self.until),
            types=named,
            rate_per_s=self.rate_per_s,
        )


class CountsAnswer(BaseModel):
    """Deliveries that the replay took on (``matched``): how many were accepted or given up
    (``failed``) since, how many wait for their next attempt. ``hurried`` ones were pending: they
    are not the replay's, and are counted from about where it last wrote down how far it is."""

    matched: int
    accepted: int
    failed: int
    waiting: int
    hurried: int


class ReplayAnswer(BaseModel):
    """A replay. ``progress`` goes from 0 to 1 as it reads; it is completed once all that it took on
    is accepted or given up."""

    id: str
    webhook_id: str
    state: ReplayState
    only: ReplayScope
    since: str | None
    until: str | None
    types: list[str] | None
    rate_per_s: float
    counts: CountsAnswer
    progress: float
    created_at: str
    updated_at: str
    ended_at: str | None
    reason: str | None


class ReplayQuery(PageQuery):
    """Which replays to list."""

    webhook_id: Annotated[str | None, Field(min_length=1, max_length=255)] = None


def replay_router(
    *,
    gate: Gate,
    replays: ReplayStore,
    webhooks: WebhookStore,
    clock: Clock,
    entropy: Entropy,
    prefix: str = "/v1",
    documented: bool = True,
) -> APIRouter:
    """``<prefix>/webhooks/{id}/replay`` and ``<prefix>/replays``."""
    router = keyed_router(
        gate,
        read=Scope.READ,
        write=Scope.WEBHOOKS_WRITE,
        tag="replays",
        prefix=prefix,
        documented=documented,
    )
    at = ReplayRoutes(replays, webhooks, clock, entropy)
    router.add_api_route(
        "/webhooks/{webhook_id}/replay", at.create_replay, methods=["POST"], status_code=202
    )
    router.add_api_route("/replays", at.list_replays, methods=["GET"])
    router.add_api_route("/replays/{replay_id}", at.get_replay, methods=["GET"])
    router.add_api_route(
        "/replays/{replay_id}",
        at.cancel_replay,
        methods=["DELETE"],
        status_code=204,
        response_class=Response,
    )
    return router


class ReplayRoutes:
    """What each route does."""

    def __init__(
        self, replays: ReplayStore, webhooks: WebhookStore, clock: Clock, entropy: Entropy
    ) -> None:
        self._replays = replays
        self._webhooks = webhooks
        self._clock = clock
        self._entropy = entropy

    async def create_replay(
        self,
        asking: Asking,
        webhook_id: WebhookId,
        request: Request,
        response: Response,
        wanted: Annotated[ReplayRequest | None, Body()] = None,
    ) -> ReplayAnswer:
        """Send deliveries again, beside live ones: of what stands in the log now, at most
        `rate_per_s` a second. Requests carry `webhook-replay: <id>`."""
        document_of(await found(self._webhooks, asking.account, webhook_id))
        replay = ReplayId(made_id("rpl", to_ms(self._clock.now()), self._entropy(8)))
        job = (wanted or ReplayRequest()).job(replay, asking.account, webhook_id)
        made = await self._replays.create_replay(job, most=MOST_RUNNING)
        if made is None:
            raise await self._refusal(asking.account, webhook_id)
        path = request.url.path.partition("/webhooks/")[0]
        response.headers["Location"] = f"{path}/replays/{replay}"
        return replay_answer(made)

    async def list_replays(
        self, asking: Asking, query: Annotated[ReplayQuery, Query()]
    ) -> Page[ReplayAnswer]:
        """The account's replays, newest first."""
        cursor = read_cursor(query.cursor, IdCursor)
        before = None if cursor is None else ReplayId(cursor.id)
        webhook = None if query.webhook_id is None else WebhookId(query.webhook_id)
        listed = await self._replays.list_replays(asking.account, webhook, before, query.limit + 1)
        shown, more = listed[: query.limit], len(listed) > query.limit
        return Page(
            data=[replay_answer(view) for view in shown],
            next_cursor=write_cursor(IdCursor(shown[-1].job.id)) if more else None,
        )

    async def get_replay(self, asking: Asking, replay_id: ReplayId) -> ReplayAnswer:
        """One replay: how far it is, and what came of it."""
        view = await self._replays.replay(asking.account, replay_id)
        if view is None:
            raise _no_replay(replay_id)
        return replay_answer(view)

    async def cancel_replay(self, asking: Asking, replay_id: ReplayId) -> None:
        """Cancel it: what was not sent yet is not sent. One that is over stays as it is."""
        if not await self._replays.cancel_replay(asking.account, replay_id):
            raise _no_replay(replay_id)

    async def _refusal(self, account: AccountId, webhook: WebhookId) -> Conflict:
        stored = await found(self._webhooks, account, webhook)
        if not document_of(stored).enabled:
            return disabled(webhook, "replay")
        return _too_many(webhook)


def replay_answer(view: ReplayView) -> ReplayAnswer:
    """A replay for its reader."""
    job, counts = view.job, view.counts
    whole = view.state is ReplayState.COMPLETED or not view.positions
    return ReplayAnswer(
        id=job.id,
        webhook_id=job.webhook,
        state=view.state,
        only=job.scope,
        since=_time(job.since_ms),
        until=_time(job.until_ms),
        types=None if job.types is None else list(job.types),
        rate_per_s=job.rate_per_s,
        counts=CountsAnswer(
            matched=counts.matched,
            accepted=counts.accepted,
            failed=counts.failed,
            waiting=counts.waiting,
            hurried=counts.hurried,
        ),
        progress=1.0 if whole else round(min(1.0, view.read / view.positions), 4),
        created_at=rfc3339_ms(job.created_ms),
        updated_at=rfc3339_ms(view.updated_ms),
        ended_at=_time(view.ended_ms),
        reason=view.reason,
    )


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339_ms(at_ms)


def _too_many(webhook: WebhookId) -> Conflict:
    return Conflict(
        f"{MOST_RUNNING} replays of {webhook} are running already; wait until one is over, or "
        f"cancel one: GET /v1/replays?webhook_id={webhook} lists them.",
        code="too_many_replays",
    )


def _no_replay(replay: str) -> NotFound:
    return NotFound(
        f"There is no replay {replay[:100]!r} in this account; GET /v1/replays lists them.",
        FieldError("path.replay_id", "is no replay of this account"),
    )
