"""How many requests a key has left in the second that ends now: a sliding log, decided purely."""

from collections.abc import Sequence

import msgspec

WINDOW_S = 1.0


class Quota(msgspec.Struct, frozen=True, gc=False):
    """Where a key stands after it asked.

    ``remaining`` more are granted at this moment; ``wait_s`` is how long until one that was refused
    would be.
    """

    granted: bool
    limit: int
    remaining: int
    wait_s: float = 0.0


def judge(granted_s: Sequence[float], now_s: float, limit: int) -> Quota:
    """Grant one more request if fewer than ``limit`` were granted in the second that ends now.

    ``granted_s`` are the moments of those, oldest first, each later than ``now_s`` less a second.
    So of any ``limit`` + 1 that are granted, the last is a second or more after the first.
    """
    used = len(granted_s)
    if used < limit:
        return Quota(True, limit, limit - used - 1)
    return Quota(False, limit, 0, granted_s[used - limit] + WINDOW_S - now_s)


def quota_headers(quota: Quota) -> tuple[tuple[bytes, bytes], ...]:
    """``RateLimit-Limit``, ``-Remaining`` and ``-Reset`` of an answer.

    Reset counts whole seconds until the limit is there in full again: a second after this request,
    if it was granted, and less than that otherwise, so it is always 1.
    """
    return (
        (b"ratelimit-limit", b"%d" % quota.limit),
        (b"ratelimit-remaining", b"%d" % quota.remaining),
        (b"ratelimit-reset", b"1"),
    )
