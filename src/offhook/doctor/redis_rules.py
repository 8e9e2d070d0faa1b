"""What is found about a Redis. Pure."""

from dataclasses import dataclass

from offhook.doctor.findings import Finding, fail, lasting, ok, sized, warn

_SLOW_MS = 50.0
_OLDEST = (6, 0)


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """A Redis that answered after ``answer_ms``. ``max_bytes`` is 0 where memory is not bounded."""

    version: str
    answer_ms: float
    role: str
    clustered: bool
    policy: str
    used_bytes: int
    max_bytes: int


def judge_redis(facts: RedisFacts) -> list[Finding]:
    """Whether it can do what is asked of it."""
    return [_judge_server(facts), _judge_memory(facts)]


def judge_unreachable(place: str, error: str) -> Finding:
    """It did not answer."""
    return fail(
        "redis",
        f"{place} cannot be used ({error}); each process counts requests for itself meanwhile",
        "start it, mend the network or the URL in OFFHOOK_REDIS, or unset that to do without",
    )


def _judge_server(facts: RedisFacts) -> Finding:
    what = f"version {facts.version}, answers in {lasting(facts.answer_ms)}"
    if facts.clustered:
        return fail("redis", f"{what}, is a cluster", "give a single server: none is supported")
    if facts.role != "master":
        return fail("redis", f"{what}, is a read-only {facts.role}", "give the URL of the primary")
    if _numbered(facts.version) < _OLDEST:
        return warn("redis", f"{what}, is untested", "upgrade to 6.0 or later, or to Valkey")
    if facts.answer_ms > _SLOW_MS:
        return warn(
            "redis",
            what,
            "bring it nearer: what takes more than 100 ms is decided without it",
        )
    return ok("redis", what)


def _judge_memory(facts: RedisFacts) -> Finding:
    if facts.max_bytes == 0:
        return ok("redis memory", f"{sized(facts.used_bytes)} used, not bounded")
    what = f"{sized(facts.used_bytes)} of {sized(facts.max_bytes)} used, {facts.policy}"
    if facts.policy.startswith("allkeys"):
        return warn(
            "redis memory",
            f"{what}: when full it forgets what still counts",
            "set maxmemory-policy to noeviction or volatile-ttl: all keys of Offhook expire",
        )
    if facts.used_bytes > 0.9 * facts.max_bytes:
        return warn("redis memory", what, "raise maxmemory, or move what else is kept there")
    return ok("redis memory", what)


def _numbered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
