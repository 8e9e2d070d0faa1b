"""When caution goes on, whom it blames, and how long what is set aside is tried."""

import pytest

from offhook.delivery.engine.caution import PROBATION_S, Caution, delay_ms, is_hopeless

HOUR_MS = 3_600_000


def test_the_next_event_is_read_once_the_last_one_is_settled_or_outlived() -> None:
    caution = Caution.after(cursor=10, takeovers=3, suspect=None)
    assert caution.may_read_on(idle=False, now_s=100.0)
    caution.handed_over_s = 100.0
    assert caution.may_read_on(idle=True, now_s=100.0)
    assert not caution.may_read_on(idle=False, now_s=100.0 + PROBATION_S / 2)
    assert caution.may_read_on(idle=False, now_s=100.0 + PROBATION_S)


@pytest.mark.parametrize(
    ("takeovers", "suspect", "condemned"), [(5, 11, True), (4, 11, False), (9, 12, False)]
)
def test_only_the_event_that_was_noted_is_blamed_and_only_after_five_deaths(
    takeovers: int, suspect: int, condemned: bool
) -> None:
    assert Caution.after(10, takeovers, suspect).condemns(11) is condemned


def test_what_is_set_aside_is_tried_later_and_later_up_to_an_hour_apart() -> None:
    assert [delay_ms(n) // 1000 for n in range(12)] == [
        *(5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560),
        *(3600, 3600),
    ]
    assert delay_ms(10_000) == HOUR_MS


def test_a_server_that_was_off_for_long_gives_nothing_up_for_that() -> None:
    assert not is_hopeless(attempts=9, trying_ms=100 * HOUR_MS)
    assert not is_hopeless(attempts=50, trying_ms=HOUR_MS - 1)
    assert is_hopeless(attempts=10, trying_ms=HOUR_MS)
