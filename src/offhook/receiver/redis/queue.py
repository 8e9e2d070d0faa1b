"""The queue in a Redis: a hash for each event, a sorted set for each lane, one of all lanes."""

from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import Final

from offhook.receiver.ports import (
    TTL_S,
    Arrival,
    DeadLetter,
    Depth,
    Receipt,
    Settlement,
    Taken,
)
from offhook.receiver.redis.connection import T, answered, connect, script

_PREFIX: Final = "offhook:queue:"
_AT_ONCE: Final = 500


class RedisQueue:
    """Keeps events in a Redis until they are handled, and their ids for ``ttl_s`` after that.

    Any process that reaches the Redis may share it; time is Redis's. What is kept is as safe as
    that Redis: ``appendonly yes`` with ``appendfsync always`` survives its crash, the default loses
    its last second; and it must evict nothing (``maxmemory-policy noeviction``). One server, or a
    service that looks like one: Redis Cluster is not supported.

    While Redis does not answer, every method raises ``Overloaded`` within three seconds. ``url`` is
    like ``redis://:password@host:6379/0``, or with ``rediss://`` for TLS; ``ValueError`` for any
    other. ``prefix`` begins the names of all keys: give each receiver its own.
    """

    def __init__(self, url: str, *, ttl_s: float = TTL_S, prefix: str = _PREFIX) -> None:
        self._redis = connect(url)
        self._commit = self._redis.register_script(script("queue_commit"))
        self._take = self._redis.register_script(script("queue_take"))
        self._renew = self._redis.register_script(script("queue_renew"))
        self._dead_letters = self._redis.register_script(script("queue_dead_letters"))
        self._bury = self._redis.register_script(script("queue_bury"))
        self._ttl_ms = int(ttl_s * 1000)
        self._prefix = prefix

    async def exists(self) -> bool:
        """Whether any event was ever kept under the prefix."""
        return bool(await _answered(self._redis.exists(f"{self._prefix}place")))

    async def open(self) -> None:
        """Nothing needs to be made; that Redis answers shows when it is asked."""

    async def commit(
        self, holder: str, arrivals: Sequence[Arrival], settlements: Sequence[Settlement]
    ) -> list[Receipt]:
        """Keep new events and settle attempts, in one script."""
        arguments: list[str | bytes | int] = [holder, self._ttl_ms, len(arrivals)]
        for arrival in arrivals:
            arguments += [arrival.event_id, arrival.lane, arrival.body]
        for end in settlements:
            delay_ms = int(end.delay_s * 1000)
            arguments += [end.event_id, end.lane, end.attempt, end.verdict, delay_ms, end.error]
        answer: list[bytes] = await _answered(self._commit([self._prefix], arguments))
        return [Receipt(receipt.decode()) for receipt in answer]

    async def take(self, holder: str, limit: int, lease_s: float) -> list[Taken]:
        """Hand the first event of each of so many due lanes to this holder."""
        arguments: list[str | int] = [holder, limit, int(lease_s * 1000)]
        flat: list[bytes] = await _answered(self._take([self._prefix], arguments))
        return [_taken(*flat[start : start + 4]) for start in range(0, len(flat), 4)]

    async def renew(self, holder: str, lanes: Sequence[str], lease_s: float) -> None:
        """Hold these lanes for so long from now."""
        arguments: list[str | int] = [holder, int(lease_s * 1000), *lanes]
        await _answered(self._renew([self._prefix], arguments))

    async def forget(self) -> None:
        """Nothing is left to do: Redis forgets by itself."""

    async def dead_letters(self, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Events given up, of the places after this one, in order."""
        rows: list[list[bytes]] = await _answered(
            self._dead_letters([self._prefix], [after, limit])
        )
        return [_dead_letter(*row) for row in rows]

    async def retry_dead(self, event_ids: Sequence[str] | None = None) -> int:
        """Let these dead letters, or all, be tried anew."""
        return await self._buried("retry", event_ids)

    async def drop_dead(self, event_ids: Sequence[str] | None = None) -> int:
        """Be done with these dead letters, or with all."""
        return await self._buried("drop", event_ids)

    async def depth(self) -> Depth:
        """How much there is."""
        waiting = await _answered(self._redis.get(f"{self._prefix}waiting"))
        return Depth(int(waiting or 0), await _answered(self._redis.zcard(f"{self._prefix}dead")))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _buried(self, what: str, event_ids: Sequence[str] | None) -> int:
        wanted = await self._all_dead() if event_ids is None else event_ids
        count = 0
        # A script holds up all others: many dead letters go in several.
        for start in range(0, len(wanted), _AT_ONCE):
            arguments: list[str | int] = [what, self._ttl_ms, *wanted[start : start + _AT_ONCE]]
            count += int(await _answered(self._bury([self._prefix], arguments)))
        return count

    async def _all_dead(self) -> list[str]:
        found = await _answered(self._redis.zrange(f"{self._prefix}dead", 0, -1))
        return [event_id.decode() for event_id in found if isinstance(event_id, bytes)]


def _taken(event_id: bytes, lane: bytes, body: bytes, attempt: bytes) -> Taken:
    return Taken(event_id.decode(), lane.decode(), body, int(attempt))


def _dead_letter(*row: bytes) -> DeadLetter:
    place, event_id, lane, body, attempts, error, died_ms = row
    died = datetime.fromtimestamp(int(died_ms) / 1000, UTC)
    return DeadLetter(
        int(place), event_id.decode(), lane.decode(), body, int(attempts), error.decode(), died
    )


async def _answered(asking: Awaitable[T]) -> T:
    return await answered(asking, "The queue cannot be used")
