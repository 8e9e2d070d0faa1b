"""What is said of a life that went wrong: what broke, what came before, how to live it again."""

from collections.abc import Iterator

from offhook.testing.simulated.life import Life
from offhook.testing.simulated.promises import BROKEN

_FIRST = 5
_BEFORE = 40


def replay_command(life: Life) -> str:
    """What lives this very life again."""
    return f"python -m offhook.testing.simulated --seed {life.seed} --kind {life.kind} --trace"


def told(life: Life) -> str:
    """What broke, and the lines of the trace before the first of it."""
    return "\n".join(_lines(life))


def _lines(life: Life) -> Iterator[str]:
    yield f"seed {life.seed}: {len(life.broken)} broken"
    for what in life.broken[:_FIRST]:
        yield f"  {what}"
    first = next((at for at, line in enumerate(life.trace) if BROKEN in line), len(life.trace))
    yield from life.trace[max(0, first - _BEFORE) : first + 1]
    yield f"live it again: {replay_command(life)}"
