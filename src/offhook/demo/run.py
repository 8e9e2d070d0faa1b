"""The demo, from an empty folder to the summary and the exit code."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import msgspec
from rich.console import Console

from offhook.clock import SystemClock
from offhook.demo.database import DemoDatabase, database_for
from offhook.demo.errors import DemoFailed
from offhook.demo.feeding import Progress, feed_day, feed_file
from offhook.demo.following import Follower, follow
from offhook.demo.processes import unless_dead
from offhook.demo.screen import Pace, Screen, frame_of, screen_on
from offhook.demo.stage import Stage, stage_in
from offhook.demo.summary import Summary
from offhook.demo.tally import Report
from offhook.model.errors import OffhookError
from offhook.testing.simulation import Centre, simulate_day

_FACTS_PER_S: Final = 2_000
_MAX_FAIL: Final = 0.5
_POSTGRES: Final = ("postgresql://", "postgres://")
_FAILED: Final = 1
_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the user chose: a file of calls with its mapping, or a simulated day of so many calls.

    ``fail`` is the share of requests that the receiver fails on purpose, from 0 to 0.5; ``keep``
    leaves the data and the logs in place. Several ``processes`` share a PostgreSQL: the one of the
    URL ``database``, where they have a schema of their own, or one that is started for them.
    """

    calls: Path | None = None
    mapping: Path | None = None
    calls_per_day: int = 5_000
    fail: float = 0.10
    keep: bool = False
    seed: int = 1
    as_json: bool = False
    database: str | None = None
    processes: int = 1


def run_demo(options: DemoOptions) -> int:
    """Run the demo and print its summary; returns the exit code: 0 if every promise was kept."""
    console = Console(quiet=options.as_json, highlight=False)
    errors = Console(stderr=True, highlight=False)
    try:
        _check(options)
        with _folder(console, keep=options.keep) as folder:
            summary = asyncio.run(_run(options, folder, console))
    except (DemoFailed, OffhookError) as error:
        errors.print(f"demo: {error}", markup=False, soft_wrap=True)
        return _FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        errors.print("demo: interrupted")
        return _INTERRUPTED
    return _conclude(summary, options, console, errors)


async def _run(options: DemoOptions, folder: Path, console: Console) -> Summary:
    loop = asyncio.get_running_loop()
    began = loop.time()
    _stop_in_order_on(signal.SIGTERM, signal.SIGHUP)
    say = partial(console.print, soft_wrap=True)
    async with (
        database_for(
            options.database, options.processes, folder, keep=options.keep, say=say
        ) as database,
        stage_in(
            folder,
            fail=options.fail,
            seed=options.seed,
            processes=options.processes,
            database=database,
        ) as stage,
    ):
        say(_opening(options, stage, database))
        with screen_on(console) as screen:
            progress = Progress()
            playing = _play(options, stage, progress, screen)
            report = await unless_dead(playing, *stage.children)
        return Summary(
            report,
            progress.facts,
            loop.time() - began,
            progress.rejected,
            progress.first_rejection,
            options.processes,
            None if database is None else database.shown,
        )


def _stop_in_order_on(*signals: signal.Signals) -> None:
    task = asyncio.current_task()
    if task is not None:
        for number in signals:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _play(options: DemoOptions, stage: Stage, progress: Progress, screen: Screen) -> Report:
    loop = asyncio.get_running_loop()
    began, pace = loop.time(), Pace()

    def show(report: Report) -> None:
        screen.show(frame_of(loop.time() - began, progress, report, pace))

    follower = Follower(stage.api, stage.control)
    feeding = asyncio.ensure_future(_feed(options, stage, progress))
    following = asyncio.ensure_future(follow(follower, progress, show))
    try:
        await feeding
        return await following
    finally:
        feeding.cancel()
        following.cancel()
        await asyncio.gather(feeding, following, return_exceptions=True)


async def _feed(options: DemoOptions, stage: Stage, progress: Progress) -> None:
    if options.calls is not None and options.mapping is not None:
        await feed_file(stage.api, options.calls, options.mapping, progress)
        return
    rnd = Random(options.seed)  # noqa: S311 - the same seed has to give the same calls
    steps = simulate_day(rnd, _a_past_midnight(), Centre(options.calls_per_day))
    await feed_day(stage.api, steps, progress, _FACTS_PER_S)


def _a_past_midnight() -> datetime:
    """The latest midnight whose calls, late ones too, are all over by now."""
    safely_past = SystemClock().now() - timedelta(hours=30)
    return safely_past.replace(hour=0, minute=0, second=0, microsecond=0)


def _check(options: DemoOptions) -> None:
    if not 0 <= options.fail <= _MAX_FAIL:
        raise DemoFailed(f"--fail is {options.fail:g}; give a share from 0 to {_MAX_FAIL}")
    if options.calls_per_day < 1:
        raise DemoFailed(f"--calls-per-day is {options.calls_per_day}; give 1 or more")
    if options.processes < 1:
        raise DemoFailed(f"--processes is {options.processes}; give 1 or more")
    if options.database is not None and not options.database.startswith(_POSTGRES):
        raise DemoFailed(
            "--database is no URL of a PostgreSQL database; give one like "
            "postgresql://user:password@host:5432/name"
        )
    if (options.calls is None) != (options.mapping is None):
        raise DemoFailed("--calls and --mapping go together: a file, and how to read it")
    for file in (options.calls, options.mapping):
        if file is not None and not file.is_file():
            raise DemoFailed(f"there is no file {file}")


def _opening(options: DemoOptions, stage: Stage, database: DemoDatabase | None) -> str:
    others = options.processes - 1
    beside = f", {others} more process{'es' if others > 1 else ''} beside it" if others else ""
    over = "" if database is None else f", all over {database.shown}"
    return (
        f"A server at {stage.api.url}{beside}{over}, and a receiver that fails {options.fail:.0%} "
        "of requests. Plain http to this machine is allowed for the demo alone."
    )


def _conclude(summary: Summary, options: DemoOptions, console: Console, errors: Console) -> int:
    broken = summary.broken_promises()
    if options.as_json:
        Console(highlight=False).print(msgspec.json.encode(summary).decode(), soft_wrap=True)
    else:
        console.print(summary.table())
    if summary.rejected:
        errors.print(summary.rejection(), markup=False, soft_wrap=True)
    for promise in broken:
        errors.print(f"demo: {promise}")
    if options.calls is not None:
        console.print("A file goes in faster than its events go out: times include the queue.")
    if not broken:
        console.print("Every event arrived, signed, in order, and was kept once.")
    return _FAILED if broken else 0


@contextmanager
def _folder(console: Console, *, keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="offhook-demo-"))
    try:
        yield folder
    finally:
        if keep:
            kept = sorted(f"{it.name}/" if it.is_dir() else it.name for it in folder.iterdir())
            console.print(f"Kept {folder}: {', '.join(kept)}", soft_wrap=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
