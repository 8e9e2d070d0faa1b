"""Real servers for all tests: each is started when the first test asks, once for all workers."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

from offhook.testing.servers.postgres import fresh_schema
from offhook.testing.servers.postgres_binaries import (
    PostgresBinaries,
    find_postgres,
    installed_postgres,
)
from offhook.testing.servers.redis import fresh_database
from offhook.testing.servers.sharing import borrowed

Ports = Callable[[str], int]
"""The port of the run's server of this name."""

_TOLD = "told"

# How long an example takes tells how busy the machine is, and each run looks at the same examples:
# what fails, fails again.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")

POSTGRES = {each.name: each for each in installed_postgres()}


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    base = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with ExitStack() as held:
        yield cache(lambda name: held.enter_context(borrowed(name, run / f"server-{name}")))


@pytest.fixture(params=POSTGRES or ["none"])
def postgres(request: pytest.FixtureRequest) -> PostgresBinaries:
    """Each version of PostgreSQL there is, in turn; that there is none is an error."""
    return POSTGRES[request.param] if POSTGRES else find_postgres()


@pytest.fixture
def postgres_url(postgres: PostgresBinaries, servers: Ports) -> Iterator[str]:
    """An empty schema of its own, on each version in turn."""
    with fresh_schema(postgres, servers(postgres.name)) as url:
        yield url


@pytest.fixture
def postgres18_url(servers: Ports) -> Iterator[str]:
    """An empty schema of its own, on the newest version alone."""
    newest = find_postgres(18)
    with fresh_schema(newest, servers(newest.name)) as url:
        yield url


@pytest.fixture
def redis_url(servers: Ports) -> str:
    """An empty database of its own."""
    return fresh_database(servers("redis"))


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes a line that is shown at the end of the run, whether or not the test passes."""
    return lambda line: record_property(_TOLD, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests told."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
    ]
    lines = [str(line) for it in reports for name, line in it.user_properties if name == _TOLD]
    if lines:
        terminalreporter.section("told by tests")
        for line in sorted(lines):
            terminalreporter.write_line(line)
