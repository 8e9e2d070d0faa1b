"""The engine's constants, scaled to a life: bounds so small that they are reached, waits so long
that a day of them is soon over."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import ModuleType
from unittest.mock import patch

from offhook.delivery.bounds import bounding
from offhook.delivery.engine import dispatcher, flow, reader, retries, router
from offhook.delivery.queueing import queues
from offhook.delivery.replays import replayer
from offhook.log import timers
from offhook.testing.simulated.plan import Kind, Plan

Scale = Sequence[tuple[ModuleType, str, float]]

_TIGHT: Scale = (
    (queues, "QUEUE_BOUND", 10),
    (queues, "LANE_BOUND", 2),
    (router, "_SHARE_WHEN_FULL", 3),
    (flow, "CLOSED_LANES_BOUND", 3),
    (reader, "_SLICE_EVENTS", 7),
    (reader, "_WORTH_READING", 3),
    (reader, "_RANGES_A_STEP", 1),
    (retries, "_PER_WEBHOOK", 3),
)
IDLE_DAY_S = 120.0
"""How long an idle process waits in a life of a day."""

_PATIENT: Scale = (
    (dispatcher, "_IDLE_S", IDLE_DAY_S),
    (retries, "_LATEST_S", IDLE_DAY_S),
    (bounding, "TICK_S", IDLE_DAY_S),
    (replayer, "_LOOK_IDLE_S", IDLE_DAY_S),
    (timers, "_LONGEST_WAIT_S", IDLE_DAY_S),
)


@contextmanager
def scaled(plan: Plan) -> Iterator[None]:
    """Within this context the engine's constants are as the plan wants them."""
    wanted = [*(_TIGHT if plan.tight else ()), *(_PATIENT if plan.kind is Kind.DAY else ())]
    with ExitStack() as held:
        for module, name, value in wanted:
            held.enter_context(patch.object(module, name, value))
        yield
