"""The rate limit that all processes share: one script, called for many requests at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Final, NamedTuple

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from offhook.api.quota import WINDOW_S, Quota
from offhook.api.ratelimit import RateLimit
from offhook.log.running import Runner
from offhook.model.errors import Invalid
from offhook.model.ids import KeyId

_ANSWER_WITHIN_S: Final = 0.1
_CONNECT_WITHIN_S: Final = 1.0
_LOOK_EVERY_S: Final = 1.0
_PREFIX: Final = "offhook:rate:"
_NOBODY: Final = KeyId("nobody")
_SCRIPT: Final = files(__package__).joinpath("grant.lua").read_text("utf-8")
_WINDOW_US: Final = int(WINDOW_S * 1_000_000)

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def shared_rate_limit(
    url: str, *, otherwise: RateLimit, look_every_s: float = _LOOK_EVERY_S
) -> AsyncIterator["SharedRateLimit"]:
    """The limiter over the Redis at this URL, which was looked for once; it need not be there.

    ``otherwise`` counts while Redis is away, and ``look_every_s`` is how often it is looked for.
    """
    redis = _client(url)
    limiter = SharedRateLimit(redis, otherwise=otherwise, look_every_s=look_every_s)
    looking = Runner(limiter, asyncio.Event())
    await limiter.run_once()
    looking.start()
    try:
        yield limiter
    finally:
        await looking.stop()
        await redis.aclose()


def _client(url: str) -> Redis:
    try:
        redis = Redis.from_url(
            url,
            # Every server speaks the old protocol, and needs no greeting for it.
            protocol=2,
            socket_connect_timeout=_CONNECT_WITHIN_S,
            socket_timeout=_CONNECT_WITHIN_S,
            retry=Retry(NoBackoff(), 0),
        )
        pool = redis.connection_pool
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError) as error:
        raise Invalid(
            f"redis: {error}; what follows ? in the URL must be options of redis-py."
        ) from error
    return redis


class _Asked(NamedTuple):
    """A request that waits for its quota."""

    key: KeyId
    limit: int
    quota: asyncio.Future[Quota]


class SharedRateLimit:
    """Counts the requests of all processes on this Redis, by its clock.

    What is asked while one call of the script is under way shares the next. A call that fails or
    takes longer than a tenth of a second is answered by ``otherwise``, and so is, at once, whatever
    is asked from then on, until ``run_once`` finds that Redis answers in time again.
    """

    name = "redis"

    def __init__(
        self, redis: Redis, *, otherwise: RateLimit, look_every_s: float = _LOOK_EVERY_S
    ) -> None:
        self._redis = redis
        self._grant = redis.register_script(_SCRIPT)
        self._otherwise = otherwise
        self._look_every_s = look_every_s
        self._waiting: list[_Asked] = []
        self._answering: asyncio.Task[None] | None = None
        self._up: bool | None = None

    @property
    def up(self) -> bool:
        """Whether Redis decides."""
        return self._up is True

    async def take(self, key: KeyId, limit: int) -> Quota:
        """Grant or refuse a request."""
        if not self.up:
            return await self._otherwise.take(key, limit)
        asked = _Asked(key, limit, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer())
        return await asked.quota

    async def run_once(self) -> float:
        """See whether Redis answers; returns the seconds until it should be looked for again."""
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                await self._redis.ping()
            await self._granted(Counter({(_NOBODY, 1): 1}))
        except Exception as error:  # noqa: BLE001 - whatever it is, Redis is of no use then
            self._note(up=False, error=f"{type(error).__name__}: {error}")
        else:
            self._note(up=True)
        return self._look_every_s

    def recover(self) -> None:
        """Nothing is kept between looks."""

    async def stop(self) -> None:
        """Answer those who wait."""
        if self._answering is not None:
            await self._answering

    async def _answer(self) -> None:
        """Answer until nobody waits."""
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, []
                for each, quota in zip(asked, await self._decide(asked), strict=True):
                    if not each.quota.done():  # its client may have gone
                        each.quota.set_result(quota)
        finally:
            self._answering = None

    async def _decide(self, asked: Sequence[_Asked]) -> Sequence[Quota]:
        if self.up:
            try:
                quotas = await self._granted(Counter((each.key, each.limit) for each in asked))
                return [next(quotas[each.key, each.limit]) for each in asked]
            except Exception as error:  # noqa: BLE001 - whatever it is, requests go on
                self._note(up=False, error=f"{type(error).__name__}: {error}")
        return [await self._otherwise.take(each.key, each.limit) for each in asked]

    async def _granted(
        self, asking: Counter[tuple[KeyId, int]]
    ) -> dict[tuple[KeyId, int], Iterator[Quota]]:
        """Call the script: for each key and limit, as many quotas as ask."""
        numbers = [_WINDOW_US]
        for (_, limit), count in asking.items():
            numbers += (limit, count)
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            answer = await self._grant([_PREFIX + key for key, _ in asking], numbers)
        triples = zip(answer[::3], answer[1::3], answer[2::3], strict=True)
        return {
            key_and_limit: quotas_of(key_and_limit[1], count, *triple)
            for (key_and_limit, count), triple in zip(asking.items(), triples, strict=True)
        }

    def _note(self, *, up: bool, error: str = "") -> None:
        if up is self._up:
            return
        self._up = up
        if up:
            _log.info("redis_up", rate_limit="shared by all processes")
        else:
            _log.warning("redis_down", rate_limit="of this process alone", error=error)


def quotas_of(
    limit: int, asking: int, granted: int, remaining: int, wait_us: int
) -> Iterator[Quota]:
    """The quotas of requests that asked together, the first ones granted."""
    for place in range(granted):
        yield Quota(True, limit, remaining + granted - 1 - place)
    for _ in range(granted, asking):
        yield Quota(False, limit, 0, wait_us / 1_000_000)
