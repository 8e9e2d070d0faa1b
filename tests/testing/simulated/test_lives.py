"""Three hundred lives of the engine, each drawn from its seed: every promise is kept in all."""

import pytest

from offhook.testing.simulated.life import live
from offhook.testing.simulated.plan import Kind
from offhook.testing.simulated.telling import told

LIVES = 300
AT_ONCE = 10
KINDS = {0: Kind.BACKLOG, 10: Kind.OUTAGE}
"""Of every twenty lives, by number; the others are mixed."""


@pytest.mark.parametrize("first", range(0, LIVES, AT_ONCE))
def test_whatever_happens_nothing_is_lost_and_order_bounds_and_times_hold(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        life = live(seed, KINDS.get(seed % 20, Kind.MIXED))
        assert not life.broken, told(life)


def test_a_day_of_24_hour_retries_runs_in_seconds() -> None:
    life = live(1, Kind.DAY)
    assert not life.broken, told(life)
    assert life.lasted_s > 43_200
