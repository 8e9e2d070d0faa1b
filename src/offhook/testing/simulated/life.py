"""One life from its seed to its reckoning."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import structlog
from structlog.typing import EventDict

from offhook.testing.simulated.clients import Clients
from offhook.testing.simulated.happenings import Happenings
from offhook.testing.simulated.plan import Kind, dice, draw_kind, of_kind
from offhook.testing.simulated.punctuality import Punctuality
from offhook.testing.simulated.reckoning import Reckoning
from offhook.testing.simulated.scaling import scaled
from offhook.testing.simulated.virtual_time import SpinningError, StuckError, virtual_loop
from offhook.testing.simulated.world import World


class Life(msgspec.Struct, frozen=True):
    """What a seed came to: ``broken`` promises, if any; the digest of its trace, which is the same
    wherever and whenever it is lived; how long it was, in virtual seconds."""

    seed: int
    kind: Kind
    broken: tuple[str, ...]
    digest: str
    lasted_s: float
    trace: tuple[str, ...]


def live(seed: int, kind: Kind | None = None) -> Life:
    """Live the life of a seed; of the ``kind`` that it draws itself, or of a given one."""
    plan = of_kind(kind or draw_kind(seed), dice(seed, "plan"))
    with scaled(plan), virtual_loop() as loop:
        world = loop.run_until_complete(World.open(seed, plan))
        with _listening(world):
            try:
                loop.run_until_complete(_live(seed, world))
            except (SpinningError, StuckError) as error:
                world.promises.breaks(f"{type(error).__name__}: {error}")
        loop.run_until_complete(world.close())
    return Life(
        seed,
        plan.kind,
        tuple(world.promises.broken),
        world.trace.digest,
        loop.time(),
        tuple(world.trace.lines),
    )


async def _live(seed: int, world: World) -> None:
    world.trace.tell(f"{world.plan}")
    clients = Clients(world, dice(seed, "clients"))
    happenings = Happenings(world, clients, dice(seed, "happenings"))
    reckoning = Reckoning(world, clients)
    watching = asyncio.create_task(Punctuality(world).watch())
    await happenings.begin()
    await happenings.live()
    await happenings.end_all_troubles()
    await reckoning.wait()
    watching.cancel()
    await reckoning.settle()


@contextmanager
def _listening(world: World) -> Iterator[None]:
    """What the engine logs goes into the trace, and nowhere else. A service that fails of anything
    but the store is broken."""

    def hear(_logger: object, _method: str, line: EventDict) -> EventDict:
        world.trace.tell(f"log: {line['event']}")
        error = str(line.get("error", ""))
        if line["event"] == "service_failed" and not error.startswith("Unavailable"):
            world.promises.breaks(f"a service failed: {error}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[hear], wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING)
    )
    try:
        yield
    finally:
        structlog.configure(**before)
