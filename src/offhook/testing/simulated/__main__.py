"""``python -m offhook.testing.simulated``: live many lives on all cores, or one and tell it."""

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Annotated

import typer

from offhook.testing.simulated.life import Life, live
from offhook.testing.simulated.plan import Kind, draw_kind
from offhook.testing.simulated.telling import told

_AT_ONCE = 20
_TOLD_EVERY = 500


def main(
    seed: Annotated[int | None, typer.Option(help="Live this one alone.")] = None,
    seeds: Annotated[int, typer.Option(help="Live so many.")] = 1_000,
    first: Annotated[int, typer.Option(help="The first of them.")] = 0,
    kind: Annotated[Kind | None, typer.Option(help="What kind of life.")] = None,
    trace: Annotated[bool, typer.Option(help="Tell all that happens.")] = False,
    jobs: Annotated[int | None, typer.Option(help="Processes; by default one a core.")] = None,
) -> None:
    """Live lives of the delivery engine in virtual time; fails if any promise was broken."""
    if seed is not None:
        broken = _one(seed, kind, trace=trace)
    else:
        broken = _many(range(first, first + seeds), kind, jobs or os.cpu_count() or 1)
    if broken:
        raise typer.Exit(1)


def _one(seed: int, kind: Kind | None, *, trace: bool) -> int:
    life = live(seed, kind)
    if trace:
        typer.echo("\n".join(life.trace))
    if life.broken:
        typer.echo(told(life))
    typer.echo(f"{life.lasted_s:.0f} virtual seconds, trace {life.digest}")
    return len(life.broken)


def _many(seeds: range, kind: Kind | None, jobs: int) -> int:
    done, broken = 0, 0
    with ProcessPoolExecutor(jobs) as pool:
        futures = [
            pool.submit(_broken_among, range(at, min(at + _AT_ONCE, seeds.stop)), kind)
            for at in range(seeds.start, seeds.stop, _AT_ONCE)
        ]
        for future in as_completed(futures):
            count, failed = future.result()
            for life in failed:
                typer.echo(told(life))
            broken += len(failed)
            if (done + count) // _TOLD_EVERY > done // _TOLD_EVERY:
                typer.echo(f"{done + count} of {len(seeds)} lived, {broken} broken")
            done += count
    typer.echo(f"{done} lived, {broken} broken")
    return broken


def _broken_among(seeds: range, kind: Kind | None) -> tuple[int, list[Life]]:
    lives = [_lived(seed, kind) for seed in seeds]
    return len(lives), [life for life in lives if life.broken]


def _lived(seed: int, kind: Kind | None) -> Life:
    """One among many: whatever it raises breaks it alone."""
    try:
        return live(seed, kind)
    except Exception as error:  # noqa: BLE001 - the others are lived all the same
        raised = f"it raised {type(error).__name__}: {error}"
        return Life(seed, kind or draw_kind(seed), (raised,), "", 0.0, ())


if __name__ == "__main__":
    typer.run(main)
