"""``offhook dead-letters``: what a receiver gave up, listed, tried anew or dropped."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeAlias, TypeVar

import msgspec
import typer

from offhook.model.errors import Invalid
from offhook.receiver.opening import opened_queue
from offhook.receiver.ports import DeadLetter, Queue

Answer = TypeVar("Answer")

_Queue: TypeAlias = Annotated[
    str,
    typer.Option(
        "--queue",
        envvar="OFFHOOK_QUEUE",
        help="The receiver's queue: sqlite:PATH, postgresql://... or redis://...",
    ),
]
_Prefix: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--prefix",
        envvar="OFFHOOK_QUEUE_PREFIX",
        help="What the keys begin with of a queue in a Redis.",
    ),
]
_Ids: TypeAlias = Annotated[list[str] | None, typer.Argument(help="Ids of events.")]
_All: TypeAlias = Annotated[bool, typer.Option("--all", help="All of them.")]

dead_letters_cli = typer.Typer(
    name="dead-letters",
    help="Events that a receiver gave up: list, retry or drop them.",
    no_args_is_help=True,
    add_completion=False,
)


@dead_letters_cli.command(name="list")
def list_(
    queue: _Queue,
    prefix: _Prefix = None,
    after: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Those after this place.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List them in order of arrival, with the place to go on from."""
    found = _on(queue, prefix, lambda it: it.dead_letters(after, limit))
    if as_json:
        typer.echo(msgspec.json.encode([_described(letter) for letter in found]).decode())
        return
    for letter in found:
        typer.echo(
            f"{letter.place}  {letter.event_id}  {letter.died:%Y-%m-%d %H:%M:%S}  "
            f"{letter.attempts} attempts  {letter.error}"
        )
    typer.echo(f"{len(found)} shown" if found else "There are none.", err=True)


@dead_letters_cli.command()
def retry(
    queue: _Queue, event_ids: _Ids = None, every: _All = False, prefix: _Prefix = None
) -> None:
    """Let them be tried anew, with all their attempts.

    Exits with 1 if one of the ids is no dead letter's; the others are tried all the same.
    """
    chosen = _chosen(event_ids, every=every)
    _tell(_on(queue, prefix, lambda it: it.retry_dead(chosen)), "tried anew", chosen)


@dead_letters_cli.command()
def drop(
    queue: _Queue, event_ids: _Ids = None, every: _All = False, prefix: _Prefix = None
) -> None:
    """Be done with them: they count as handled.

    Exits with 1 if one of the ids is no dead letter's; the others are dropped all the same.
    """
    chosen = _chosen(event_ids, every=every)
    _tell(_on(queue, prefix, lambda it: it.drop_dead(chosen)), "dropped", chosen)


def _chosen(event_ids: Sequence[str] | None, *, every: bool) -> Sequence[str] | None:
    if bool(event_ids) is every:
        raise typer.BadParameter("Name events by their ids, or say --all; one of the two.")
    return None if every else tuple(dict.fromkeys(event_ids or ()))


def _tell(count: int, what: str, chosen: Sequence[str] | None) -> None:
    typer.echo(f"{count} are {what}.")
    if chosen is not None and count < len(chosen):
        missing = f"{len(chosen) - count} of the {len(chosen)} ids are of no dead letter"
        typer.echo(f"{missing}; dead-letters list shows those that there are.", err=True)
        raise typer.Exit(1)


def _on(url: str, prefix: str | None, ask: Callable[[Queue], Awaitable[Answer]]) -> Answer:
    async def asked() -> Answer:
        async with opened_queue(url, prefix, existing=True) as queue:
            return await ask(queue)

    try:
        return asyncio.run(asked())
    except ValueError as error:
        raise Invalid(f"The queue's URL cannot be read: {error}.") from None


def _described(letter: DeadLetter) -> dict[str, object]:
    return {
        "place": letter.place,
        "event_id": letter.event_id,
        "lane": letter.lane,
        "attempts": letter.attempts,
        "error": letter.error,
        "died": letter.died,
        "body": letter.body.decode(errors="replace"),
    }
