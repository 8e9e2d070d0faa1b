"""How fast a replay goes. Pure: times are monotonic seconds."""

from collections.abc import Collection

from offhook.delivery.replays.entries import ReplayJob
from offhook.model.ids import ReplayId

_BURST_S = 0.25
_AT_ONCE = 8


class Pace:
    """A bucket that fills with ``per_s`` permits a second, for a quarter of a second's worth and at
    least one. It begins empty."""

    def __init__(self, now_s: float) -> None:
        self.per_s = 0.0
        self._permits = 0.0
        self._at_s = now_s

    @property
    def next_s(self) -> float:
        """When there will be enough to be worth a step."""
        wanted = min(_AT_ONCE, self._bound)
        return self._at_s + max(0.0, wanted - self._permits) / self.per_s

    def allowed(self, now_s: float) -> int:
        """How many there are."""
        self._permits = min(self._bound, self._permits + (now_s - self._at_s) * self.per_s)
        self._at_s = now_s
        return int(self._permits + 1e-9)

    def spend(self) -> None:
        """One was used."""
        self._permits -= 1

    @property
    def _bound(self) -> float:
        return max(1.0, self.per_s * _BURST_S)


class Paces:
    """A bucket for each replay and partition: what a replay may do in all is divided evenly over
    the partitions in which it goes on."""

    def __init__(self) -> None:
        self._paces: dict[tuple[ReplayId, int], Pace] = {}

    def of(self, job: ReplayJob, ranges: int, partition: int, now_s: float) -> Pace:
        """The bucket of a replay that goes on in so many partitions, in one of them."""
        pace = self._paces.setdefault((job.id, partition), Pace(now_s))
        pace.per_s = job.rate_per_s / max(1, ranges)
        return pace

    def keep(self, replays: Collection[ReplayId]) -> None:
        """Only these go on."""
        for key in [key for key in self._paces if key[0] not in replays]:
            del self._paces[key]
