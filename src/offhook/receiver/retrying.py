"""When an event is handed over again after a failure, and when it is given up. Pure."""

from dataclasses import dataclass

from offhook.receiver.ports import Settlement, Taken, Verdict


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """After the first failure comes the first of ``delays_s``, and so on, the last over and over;
    after ``max_attempts`` the event is a dead letter.

    Each delay is spread by ``jitter``, a share of itself to either side, so that events that failed
    together do not come back together. ``ValueError`` for what makes no sense.
    """

    delays_s: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0)
    max_attempts: int = 12
    jitter: float = 0.2

    def __post_init__(self) -> None:
        if not self.delays_s or min(self.delays_s) < 0:
            raise ValueError(f"delays_s is {self.delays_s}; give one or more, none below 0")
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts is {self.max_attempts}; give 1 or more")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter is {self.jitter}; give a share between 0 and 1")

    def after_failure(self, taken: Taken, error: str, rnd: float) -> Settlement:
        """What becomes of an event whose attempt failed; ``rnd`` is from [0, 1)."""
        if taken.attempt >= self.max_attempts:
            return settled(taken, Verdict.DEAD, error=error)
        delay_s = self.delays_s[min(taken.attempt, len(self.delays_s)) - 1]
        spread = 1 + self.jitter * (2 * rnd - 1)
        return settled(taken, Verdict.RETRY, error=error, delay_s=delay_s * spread)


def settled(taken: Taken, verdict: Verdict, *, error: str = "", delay_s: float = 0.0) -> Settlement:
    """The settlement of this very attempt."""
    return Settlement(taken.event_id, taken.lane, taken.attempt, verdict, delay_s, error)
