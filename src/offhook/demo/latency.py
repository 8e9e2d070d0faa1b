"""Percentiles of many latencies in little memory. Pure."""

import math
from collections import Counter
from typing import Final

_BUCKETS_PER_E: Final = 50


class Latencies:
    """A histogram with buckets 2 % wide, from a tenth of a millisecond up."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()

    def add(self, latency_ms: float) -> None:
        """Count one."""
        self._buckets[round(math.log(max(latency_ms, 0.1)) * _BUCKETS_PER_E)] += 1

    def percentile_ms(self, percent: float) -> float | None:
        """The latency that this share of all stays within, to 2 %; ``None`` when there are none."""
        wanted = self._buckets.total() * percent / 100
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return math.exp(bucket / _BUCKETS_PER_E)
        return None
