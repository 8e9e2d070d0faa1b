"""What docs/deploy names is there: settings, commands, metrics, routes; its files hold together."""

import json
import re
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import apsw
import msgspec
import pytest
import typer

from offhook.api.operations import operations_router
from offhook.api.pages import FeedCursor
from offhook.cli import cli
from offhook.settings import Settings
from offhook.store.postgres import open_postgres
from offhook.store.postgres.database import POOL_SIZE, SERVER_SETTINGS
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock
from offhook.testing.servers.postgres import run_sql
from offhook.testing.servers.postgres_binaries import PostgresBinaries

DEPLOY = Path(__file__).parents[2] / "docs/deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
PAGES = [path for path in FILES if path.suffix == ".md"]
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
COMPOSE = (DEPLOY / "docker/compose.yaml").read_text()
KUBERNETES = (DEPLOY / "kubernetes/offhook.yaml").read_text()
ENDS_WITHIN_S = 10

COMMANDS = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
OF_COMMANDS = {"OFFHOOK_URL", "OFFHOOK_KEY", "OFFHOOK_SECRET"}


def name_of(path: Path) -> str:
    return str(path.relative_to(DEPLOY))


def page(name: str) -> str:
    return (DEPLOY / name).read_text()


def code_of(path: Path) -> Iterator[str]:
    """What a file says to a shell: of a page only what is set as code."""
    text = path.read_text()
    if path.suffix != ".md":
        yield from text.splitlines()
        return
    for block in re.findall(r"^```.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", text)


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Every ``offhook COMMAND ...`` in the files, as the words after ``offhook``."""
    for path in FILES:
        for line in code_of(path):
            for words in re.findall(r"(?:^|[ /=])offhook ((?!\.)[a-z]+(?: [^|;&#`]*)?)", line):
                if path.suffix == ".md" or line.startswith("ExecStart="):
                    yield name_of(path), words.split()
    for name, text in (("compose", COMPOSE), ("kubernetes", KUBERNETES)):
        for listed in re.findall(r"^ +(?:command|args): \[(.*)\]$", text, re.MULTILINE):
            words = [word.strip().strip('"') for word in listed.split(",")]
            if words[0] not in {"postgres", "valkey-server", "sleep"}:
                yield name, words


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_setting_named_exists(path: Path) -> None:
    known = {f"OFFHOOK_{name.upper()}" for name in Settings.model_fields} | OF_COMMANDS
    assert set(re.findall(r"\bOFFHOOK_[A-Z_]+[A-Z]", path.read_text())) <= known


def test_every_command_and_option_named_exists() -> None:
    lines = list(command_lines())
    assert {words[0] for _, words in lines} >= {"serve", "migrate", "doctor", "copy"}
    for where, (name, *words) in lines:
        assert name in COMMANDS, (where, name)
        options = {option for param in COMMANDS[name].params for option in param.opts}
        assert {word for word in words if word.startswith("--")} <= options, (where, name, words)


def test_every_metric_named_is_described() -> None:
    described = (DEPLOY.parent / "metrics.md").read_text()
    for path in PAGES:
        for metric in re.findall(r"`(offhook_[a-z_]+)`", path.read_text()):
            assert f"`{metric}`" in described, (path.name, metric)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for target, _, anchor in re.findall(r"\]\(([^)#:]*)(#([^)]*))?\)", path.read_text()):
        linked = path if target == "" else path.parent / target
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", it).lower().replace(" ", "-") for it in headings}
            assert anchor in slugs, f"{target}#{anchor}"


def test_every_page_is_in_the_index() -> None:
    for path in PAGES:
        assert path.name == "README.md" or f"({path.name})" in page("README.md")


def test_probes_ask_what_is_answered() -> None:
    router = operations_router(
        readiness=None,  # type: ignore[arg-type] # nobody asks it here
        registry=None,  # type: ignore[arg-type]
        gate=None,  # type: ignore[arg-type]
        open_metrics=True,
    )
    answered = {route.path for route in router.routes}  # type: ignore[attr-defined]
    asked = re.findall(r"path: (/\w+)", KUBERNETES)
    asked += re.findall(r":8080(/\w+)'", COMPOSE + page("docker/Dockerfile"))
    assert set(asked) == {"/healthz", "/readyz"} <= answered


def test_whoever_stops_a_process_gives_it_more_time_than_it_takes() -> None:
    graces = re.findall(r"(?:terminationGracePeriodSeconds|stop_grace_period): (\d+)s?", KUBERNETES)
    graces += re.findall(r"^  stop_grace_period: (\d+)s", COMPOSE, re.MULTILINE)
    graces += [unit_of(path)["Service"]["TimeoutStopSec"] for path in UNITS]
    assert len(graces) == 2 + 1 + 3
    assert all(int(grace) > ENDS_WITHIN_S for grace in graces)


def unit_of(path: Path) -> ConfigParser:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    return unit


@pytest.mark.parametrize("path", UNITS, ids=name_of)
def test_units_start_what_the_page_says_they_do(path: Path) -> None:
    unit = unit_of(path)
    assert unit.sections() == ["Unit", "Service", "Install"]
    assert path.name.removesuffix(".service") in page("README.md")
    assert unit["Service"]["EnvironmentFile"] in page("README.md")
    assert ("%i" in unit["Service"]["ExecStart"]) == path.name.endswith("@.service")
    assert "NoNewPrivileges" in unit["Service"]


@pytest.mark.parametrize("text", [COMPOSE, KUBERNETES], ids=["compose", "kubernetes"])
def test_yaml_is_indented_by_twos_and_its_brackets_close(text: str) -> None:
    lines = [
        line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")
    ]
    for line in lines:
        assert "\t" not in line
        assert (len(line) - len(line.lstrip(" "))) % 2 == 0, line
        for pair in ("[]", "{}"):
            assert line.count(pair[0]) == line.count(pair[1]), line
        assert re.match(r" *(- )?([\w./<-]+:( |$)|.)", line), line


def test_the_manifest_s_parts_find_each_other() -> None:
    parts = KUBERNETES.split("\n---\n")
    named = {
        (kind.group(1), name.group(1))
        for part in parts
        if (kind := re.search(r"^kind: (\w+)$", part, re.MULTILINE))
        and (name := re.search(r"^  name: ([\w-]+)$", part, re.MULTILINE))
    }
    assert len(named) == len(parts) == KUBERNETES.count("apiVersion: ")
    components = {
        component: KUBERNETES.count(f"app.kubernetes.io/component: {component}}}")
        for component in ("api", "engine")
    }
    assert components == {"api": 7, "engine": 5}  # the API has a Service with a selector besides
    assert {("ConfigMap", "offhook"), ("ServiceAccount", "offhook")} <= named
    assert KUBERNETES.count("enableServiceLinks: false") == KUBERNETES.count("image: ")


def test_the_session_settings_described_are_those_that_are_set() -> None:
    table = page("postgresql.md").partition("| setting | value | why |")[2].partition("\n\n")[0]
    described: dict[str, str] = {}
    for names, values in re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", table, re.MULTILINE):
        numbers = values.replace(" (ms)", "").split(", ")
        described |= dict(zip(re.findall(r"`(\w+)`", names), numbers, strict=True))
    assert described == {
        name: value for name, value in SERVER_SETTINGS.items() if name != "application_name"
    }


def test_a_pooler_is_told_of_all_session_settings() -> None:
    text = page("postgresql.md")
    ignored = re.search(r"^ignore_startup_parameters = (.*)$", text, re.MULTILINE)
    brought = dict(re.findall(r"^ALTER ROLE offhook SET (\w+) = '(.*)';$", text, re.MULTILINE))
    asked = {name: value for name, value in SERVER_SETTINGS.items() if name != "application_name"}
    assert ignored
    assert set(ignored.group(1).split(",")) == set(asked)
    # Keepalives are between the server and the pooler, then.
    assert brought == {name: it for name, it in asked.items() if not name.startswith("tcp_")}


def test_connections_are_counted_as_they_are_made() -> None:
    assert f">=  {POOL_SIZE + 1} x processes" in page("sizing.md")


def renewals() -> dict[str, str]:
    """The statement for each engine that renews a log's generation, as the page gives it."""
    found = re.findall(r"-- (PostgreSQL|SQLite)\n +(UPDATE installation .*);", page("backups.md"))
    return dict(found)


async def test_the_generation_is_renewed_as_described_on_sqlite(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path, clock=FakeClock())
    before = store.feed.generation
    await store.close()
    raw = apsw.Connection(str(tmp_path / "offhook.db"))
    raw.execute(renewals()["SQLite"])
    raw.close()
    store = open_sqlite(tmp_path, clock=FakeClock())
    assert is_new(store.feed.generation, before)
    await store.close()


async def test_the_generation_is_renewed_as_described_on_postgresql(
    postgres: PostgresBinaries, postgres_url: str
) -> None:
    before = await generation_of(postgres_url)
    schema = postgres_url.partition("search_path=")[2]
    plain = postgres_url.partition("?")[0]
    run_sql(postgres, plain, f"SET search_path = {schema}; {renewals()['PostgreSQL']}")
    assert is_new(await generation_of(postgres_url), before)


async def generation_of(url: str) -> int:
    store = await open_postgres(url)
    await store.log.head(0)
    await store.close()
    return store.feed.generation


def is_new(generation: int, before: int) -> bool:
    cursor = FeedCursor(generation, {})
    packed = msgspec.msgpack.encode(cursor)
    return generation != before and msgspec.msgpack.decode(packed, type=FeedCursor) == cursor


def test_the_health_check_of_the_image_is_a_list_of_words() -> None:
    command = re.search(r"HEALTHCHECK .*\\\n +CMD (\[.*\])", page("docker/Dockerfile"))
    assert command
    assert json.loads(command.group(1))[:2] == ["python", "-c"]
