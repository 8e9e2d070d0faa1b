"""What an owner does that follows owners who died without getting on. Pure.

It cannot be told from outside whether an event killed them or somebody did, so the one that is
suspected is never given up at once: it is set aside, and tried again later and later, each attempt
written down before it is made.
"""

from dataclasses import dataclass

CAREFUL_TAKEOVERS = 3
"""From so many deaths on, without the cursor moving, events are handled one at a time."""

PROBATION_S = 0.25
"""An event that the process outlives by this much did not kill it, settled or not: an endpoint
that hangs must not hold up the others."""

DIED = "internal: the process died each time it handled this event"

_DEADLY_TAKEOVERS = 5
_CAREFUL_EVENTS = 500
_FIRST_DELAY_MS = 5_000
_LONGEST_DELAY_MS = 3_600_000
_MOST_ATTEMPTS = 10
_LEAST_TRYING_MS = 3_600_000


@dataclass(slots=True)
class Caution:
    """An owner's caution: events are handled one at a time until ``until`` was read.

    ``takeovers`` counts the owners that died, the last of which had noted ``suspect``.
    """

    takeovers: int
    until: int
    suspect: int | None
    handed_over_s: float = float("-inf")

    @classmethod
    def after(cls, cursor: int, takeovers: int, suspect: int | None) -> "Caution":
        """The caution that so many deaths at this cursor call for."""
        return cls(takeovers, cursor + _CAREFUL_EVENTS, suspect)

    def may_read_on(self, *, idle: bool, now_s: float) -> bool:
        """Whether the last event is settled or outlived."""
        return idle or now_s >= self.handed_over_s + PROBATION_S

    def condemns(self, position: int) -> bool:
        """Whether enough owners died with this very event in hand."""
        return self.suspect == position and self.takeovers >= _DEADLY_TAKEOVERS


def delay_ms(attempts: int) -> int:
    """Until an event that was set aside is tried again: 5 s, doubling up to an hour."""
    return min(_FIRST_DELAY_MS << min(attempts, 20), _LONGEST_DELAY_MS)


def is_hopeless(attempts: int, trying_ms: int) -> bool:
    """Whether to give up an event that was set aside, after so many attempts without an answer."""
    return attempts >= _MOST_ATTEMPTS and trying_ms >= _LEAST_TRYING_MS
