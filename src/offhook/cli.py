"""The command line: thin. Each command reads its options and calls what does the work."""

import asyncio
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from offhook import __version__
from offhook.model.errors import Invalid, OffhookError
from offhook.settings import Role, load
from offhook.signing import SignedRequest, Unsigned, explain
from offhook.signing.presets import Preset, preset_of
from offhook.tools import commands
from offhook.tools.api_key import check_key
from offhook.tools.dead_letters import dead_letters_cli

if TYPE_CHECKING:
    from offhook.moving.copying import CopyReport

cli = typer.Typer(
    name="offhook",
    help="The event backbone for phone calls.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
secrets_cli = typer.Typer(
    help="What is sealed at rest.", no_args_is_help=True, add_completion=False
)
cli.add_typer(secrets_cli, name="secrets")
cli.add_typer(dead_letters_cli)
_LOCAL = commands.LOCAL_SERVER
_errors = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    """Run a command: whatever goes wrong is one clear line and a non-zero exit code."""
    try:
        cli()
    except OffhookError as error:
        _fail(error.detail)
    except OSError as error:
        _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")


def _fail(message: str) -> NoReturn:
    _errors.print(f"offhook: {message}", markup=False)
    sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"offhook {__version__}")
        raise typer.Exit


@cli.callback()
def _options(
    _version_wanted: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


@cli.command()
def serve(
    data: Annotated[Path | None, typer.Option(help="The folder that holds everything.")] = None,
    database: Annotated[
        str | None, typer.Option(help="A PostgreSQL database instead: postgresql://...")
    ] = None,
    role: Annotated[
        Role | None, typer.Option(help="What this process does: all, or api or engine alone.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
) -> None:
    """Run the server: one process with everything in one folder, or any number over a database."""
    from offhook.server import run_server  # noqa: PLC0415 - the other commands need no server

    run_server(load(data=data, database=database, role=role, host=host, port=port))


@cli.command()
def verify(
    body: Annotated[str, typer.Argument(help="File with the body as received; - for stdin.")],
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", help="A header as 'name: value'; several times."),
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(envvar="OFFHOOK_SECRET", help="The secret; may be given several times."),
    ] = None,
    scheme: Annotated[
        str, typer.Option(help="How it is signed: standard, timestamped-hex, twilio, callrail, ...")
    ] = "standard",
    prefix: Annotated[str | None, typer.Option(help="Header prefix of timestamped-hex.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="An option of the scheme as name=value; name=null for none."),
    ] = None,
    url: Annotated[str, typer.Option(help="The public URL that was called (Twilio).")] = "",
    now: Annotated[
        int | None, typer.Option(help="Unix time to check against, for a request of the past.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Verify a received request, and explain exactly why it does not verify.

    Exits with 0 if it verifies, else with 1.
    """
    preset = _preset(scheme, prefix, option or [])
    if not secret and not isinstance(preset, Unsigned):
        raise Invalid("No secret: give --secret, or set OFFHOOK_SECRET, to the endpoint's own.")
    content = sys.stdin.buffer.read() if body == "-" else Path(body).read_bytes()
    found = explain(
        preset,
        secret or (),
        SignedRequest(dict(map(_header, header or ())), content, url),
        now_s=int(time.time()) if now is None else now,
    )
    typer.echo(json.dumps(asdict(found)) if as_json else found.explanation)
    raise typer.Exit(0 if found.valid else 1)


def _preset(name: str, prefix: str | None, given: list[str]) -> Preset:
    options: dict[str, object] = {} if prefix is None else {"prefix": prefix}
    for text in given:
        option, equals, value = text.partition("=")
        if not equals:
            raise Invalid(f"--option {text!r} has no value; write it as header=x-hook-signature.")
        options[option] = None if value == "null" else value
    return preset_of(name, **options)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise Invalid(f"--header {text!r} is no header; write it as 'webhook-id: evt_...'.")
    return name.strip(), value.strip()


@cli.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV or TSV with a header.")],
    mapping: Annotated[Path, typer.Option(help="JSON: which column fills which field.")],
    url: Annotated[str, typer.Option(envvar="OFFHOOK_URL", help="The server.")] = _LOCAL,
    key: Annotated[str | None, typer.Option(envvar="OFFHOOK_KEY", help="An API key.")] = None,
    live: Annotated[bool, typer.Option(help="The calls are news, not history.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="Write rejected rows here.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of local times.")] = None,
    region: Annotated[str | None, typer.Option(help="Country of national numbers.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import a file of finished calls into a running server; running it again is safe.

    Exits with 1 if a row was rejected; the others are taken all the same.
    """
    from offhook.integrations import importing, report  # noqa: PLC0415 - only this command needs it

    options = importing.ImportOptions(
        path=file,
        mapping=mapping,
        url=url,
        key=check_key(key),
        live=live,
        rejects=rejects,
        timezone=timezone,
        region=region,
    )
    with report.progress(file, Console(stderr=True, quiet=as_json)) as progress:
        done = asyncio.run(importing.run_import(options, progress))
    typer.echo(report.as_json(done) if as_json else report.as_text(done))
    raise typer.Exit(1 if done.rejected else 0)


@cli.command()
def replay(
    webhook: Annotated[str, typer.Argument(help="The webhook: wh_...")],
    only: Annotated[str, typer.Option(help="failed, undelivered or all.")] = "undelivered",
    since: Annotated[str | None, typer.Option(help="Events created then or later.")] = None,
    until: Annotated[str | None, typer.Option(help="Events created before then.")] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="A type or prefix.*; several times.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.01, max=10_000, help="At most so many a second.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait until it is over.")] = True,
    url: Annotated[str, typer.Option(envvar="OFFHOOK_URL", help="The server.")] = _LOCAL,
    key: Annotated[str | None, typer.Option(envvar="OFFHOOK_KEY", help="An API key.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the replay as JSON.")] = False,
) -> None:
    """Have a running server send a webhook's deliveries again, beside live ones.

    Exits with 1 if it was canceled or a delivery failed again. Interrupted, the replay goes on.
    """
    from offhook.delivery.replays import client as replay_client  # noqa: PLC0415 - only this command needs it

    options = replay_client.ReplayOptions(
        url, check_key(key), webhook, only, since, until, type_, rate, wait
    )
    with replay_client.progress_bar(Console(stderr=True, quiet=as_json)) as show:
        done = asyncio.run(replay_client.run_replay(options, show))
    typer.echo(replay_client.as_json(done) if as_json else replay_client.as_text(done))
    raise typer.Exit(0 if done.went_well else 1)


@cli.command()
def migrate(
    data: Annotated[Path | None, typer.Option(help="The data folder.")] = None,
    database: Annotated[str | None, typer.Option(help="The database: postgresql://...")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Bring the schema up to date without serving, and say from which version to which.

    Servers do so themselves when they start.
    """
    from offhook import migrating  # noqa: PLC0415 - only this command needs it

    settings = load(data=data, database=database)
    done = asyncio.run(migrating.migrate(settings, time.time_ns() // 1_000_000))
    typer.echo(migrating.as_json(done) if as_json else migrating.as_text(done))


@secrets_cli.command()
def rotate(
    data: Annotated[Path | None, typer.Option(help="The data folder of a stopped server.")] = None,
    database: Annotated[str | None, typer.Option(help="The database: postgresql://...")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Seal all secrets anew: with the first key of OFFHOOK_SECRET_KEY, else with a new one.

    A data folder without that setting gets a new key in its file secret.key.
    """
    from offhook import rotating  # noqa: PLC0415 - only this command needs it

    done = asyncio.run(rotating.rotate(load(data=data, database=database)))
    typer.echo(rotating.as_json(done) if as_json else rotating.as_text(done))


@cli.command()
def doctor(
    data: Annotated[Path | None, typer.Option(help="The data folder.")] = None,
    database: Annotated[str | None, typer.Option(help="The database: postgresql://...")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look at the settings and all that they name; say what is wrong and what to do about it.

    Writes nothing, and may be run beside servers. Exits with 1 if anything does not work.
    """
    from offhook.doctor import configuration, examination, report  # noqa: PLC0415 - only this command needs it

    settings = load(data=data, database=database)
    options = {"data": data, "database": database}
    given = frozenset(name for name, value in options.items() if value is not None)
    stated = configuration.stated(settings, given)
    findings = asyncio.run(examination.examine(settings, stated))
    if as_json:
        typer.echo(report.as_json(stated, findings))
    else:
        Console(highlight=False).print(report.as_table(findings))
        typer.echo(report.as_text(findings))
    raise typer.Exit(1 if report.failed(findings) else 0)


@cli.command()
def copy(
    source: Annotated[
        str, typer.Option("--from", help="The data folder of a stopped server, or sqlite:///path.")
    ],
    target: Annotated[str, typer.Option("--to", help="An empty database: postgresql://...")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Move a stopped installation from SQLite to PostgreSQL, and verify it.

    What was there is left as it was. Exits with 1, and nothing new anywhere, if it cannot be moved
    or the two sides are not the same.
    """
    from offhook.moving import copying, report  # noqa: PLC0415 - only this command needs it

    partitions = load().partitions
    try:
        with report.progress(Console(stderr=True, quiet=as_json)) as watch:
            done = asyncio.run(copying.copy(source, target, partitions, watch))
    except copying.Differs as differs:
        _show_copy(differs.report, as_json)
        raise
    _show_copy(done, as_json)
    if not as_json:
        typer.echo(report.as_text(done))


def _show_copy(done: "CopyReport", as_json: bool) -> None:
    from offhook.moving import report  # noqa: PLC0415 - only this command needs it

    if as_json:
        typer.echo(report.as_json(done))
    else:
        Console(highlight=False).print(report.as_table(done), markup=False)


@cli.command()
def demo(
    calls: Annotated[
        Path | None, typer.Option(help="A log of calls; else a simulated day.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="The mapping of the log of calls.")] = None,
    calls_per_day: Annotated[int, typer.Option(help="Calls of the simulated day.")] = 5_000,
    fail: Annotated[float, typer.Option(help="Share of requests failed on purpose.")] = 0.1,
    seed: Annotated[int, typer.Option(help="The same seed simulates the same day.")] = 1,
    keep: Annotated[bool, typer.Option(help="Keep the data and the logs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    database: Annotated[
        str | None,
        typer.Option(help="On PostgreSQL: postgresql://...; gets a schema of its own there."),
    ] = None,
    processes: Annotated[
        int, typer.Option(help="Processes that deliver; several start their own PostgreSQL.")
    ] = 1,
) -> None:
    """Calls in, webhooks out to a receiver that fails now and then; the receiver counts."""
    from offhook.demo.run import DemoOptions, run_demo  # noqa: PLC0415 - only this command needs it

    options = DemoOptions(
        calls=calls,
        mapping=mapping,
        calls_per_day=calls_per_day,
        fail=fail,
        seed=seed,
        keep=keep,
        as_json=as_json,
        database=database,
        processes=processes,
    )
    raise typer.Exit(run_demo(options))


for _command in (commands.listen, commands.trigger, commands.selftest):
    cli.command()(_command)
