"""The options of the testing tools on the command line."""

import asyncio
import secrets
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.console import Console

from offhook.clock import SystemClock

if TYPE_CHECKING:
    from offhook.tools.selftest import SelfTestOptions
    from offhook.tools.verdict import SelfTest

LOCAL_SERVER = "http://127.0.0.1:8080"

_Url: TypeAlias = Annotated[str, typer.Option(envvar="OFFHOOK_URL", help="The server.")]
_Key: TypeAlias = Annotated[
    str | None, typer.Option(envvar="OFFHOOK_KEY", help="An API key of the server.")
]
_AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def listen(
    forward_to: Annotated[str, typer.Option(help="Where to, such as http://localhost:3000/hook.")],
    types: Annotated[
        list[str] | None, typer.Option(help="Types, aliases, call.*; with commas, or repeated.")
    ] = None,
    event_key: Annotated[
        str | None, typer.Option(help="Only events of this key, such as the id of a call.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="A cursor to go on from; else from now.")
    ] = None,
    secret: Annotated[
        str | None, typer.Option(envvar="OFFHOOK_SECRET", help="Sign with this; else a new one.")
    ] = None,
    url: _Url = LOCAL_SERVER,
    key: _Key = None,
    as_json: _AsJson = False,
) -> None:
    """Forward the events of a running server, signed like deliveries, to a port of this machine.

    Goes on where it was when the server was away. Ctrl-C ends it with a summary.
    """
    from offhook.tools.listening import ListenOptions, run_listen  # noqa: PLC0415

    options = ListenOptions(
        url=url,
        key=key,
        forward_to=forward_to,
        types=tuple(types or ()),
        event_key=event_key,
        secret=secret,
        since=since,
        as_json=as_json,
    )
    listening = run_listen(
        options, clock=SystemClock(), entropy=secrets.token_bytes(32), say=_say, warn=_warn
    )
    asyncio.run(listening)


def trigger(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="A type or alias: call.missed.")],
    data: Annotated[
        str | None, typer.Option(help="Fields in place of the example's: JSON, or @file.")
    ] = None,
    webhook: Annotated[
        str | None, typer.Option(help="Press this webhook's test button; nothing is posted.")
    ] = None,
    url: _Url = LOCAL_SERVER,
    key: _Key = None,
    as_json: _AsJson = False,
) -> None:
    """Make an event of a type happen, as a test: its example, with a test key.

    It goes to webhooks that have "test": true. With --webhook, exits with 1 unless it accepts.
    """
    from offhook.tools import triggering  # noqa: PLC0415

    given = triggering.read_overrides(data)
    options = triggering.TriggerOptions(url=url, key=key, type=type_, data=given)
    if webhook is not None:
        tested = asyncio.run(triggering.press_button(options, webhook))
        _say(triggering.tested_json(tested) if as_json else triggering.tested_text(tested))
        raise typer.Exit(0 if tested.accepted else 1)
    marker = f"trigger-{secrets.token_hex(8)}"
    posted = asyncio.run(triggering.trigger(options, clock=SystemClock(), marker=marker))
    _say(
        triggering.posted_json(posted, url)
        if as_json
        else triggering.posted_text(posted, type_, url)
    )


def selftest(
    timeout: Annotated[
        float, typer.Option(min=0.1, max=3_600, help="Seconds for all of it.")
    ] = 10.0,
    expect: Annotated[
        str | None,
        typer.Option(
            help="A page where the effect shows; {marker}, {event_id}, {key} are filled in."
        ),
    ] = None,
    contains: Annotated[
        str, typer.Option(help="What the page of --expect is to hold.")
    ] = "{marker}",
    type_: Annotated[
        str, typer.Option("--type", help="The type to fire: of call.* or custom.*.")
    ] = "custom.offhook.selftest",
    listen: Annotated[
        str, typer.Option("--listen", help="Where to wait for it; port 0 is a free one.")
    ] = "127.0.0.1:0",
    public_url: Annotated[
        str | None,
        typer.Option("--public-url", "--webhook-url", help="What leads there from the server."),
    ] = None,
    url: _Url = LOCAL_SERVER,
    key: _Key = None,
    as_json: _AsJson = False,
) -> None:
    """Fire a test event through a running server; check that it arrives, verified, in time.

    Exits with 1, and one line that names the step, if not: something for cron.
    """
    from offhook.tools.effect import Expectation  # noqa: PLC0415
    from offhook.tools.selftest import SelfTestOptions  # noqa: PLC0415

    options = SelfTestOptions(
        url=url,
        key=key,
        type=type_,
        timeout_s=timeout,
        listen=listen,
        public_url=public_url,
        expected=None if expect is None else Expectation(expect, contains),
    )
    found = asyncio.run(_found(options))
    _show(found, as_json)
    raise typer.Exit(0 if found.failed is None else 1)


async def _found(options: "SelfTestOptions") -> "SelfTest":
    from offhook.tools.selftest import run_selftest  # noqa: PLC0415
    from offhook.tools.stopping import Stopped, until_stopped  # noqa: PLC0415

    marker = f"selftest-{secrets.token_hex(8)}"
    try:
        return await until_stopped(run_selftest(options, clock=SystemClock(), marker=marker))
    except Stopped:
        raise KeyboardInterrupt from None


def _show(found: "SelfTest", as_json: bool) -> None:
    from offhook.tools import verdict  # noqa: PLC0415

    if as_json:
        _say(verdict.as_json(found))
    elif found.failed is None:
        _say(verdict.as_text(found))
    else:
        _warn(f"offhook: {verdict.as_text(found)}")


def _say(line: str) -> None:
    typer.echo(line)


def _warn(line: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(line, markup=False)
