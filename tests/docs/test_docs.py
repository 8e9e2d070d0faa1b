"""The docs name what there is: settings, metrics, commands, tables, files, decisions."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from offhook.api.observed import HttpMetrics
from offhook.cli import cli
from offhook.delivery.metrics import BacklogMeter, DeliveryMetrics
from offhook.delivery.stats.ports import StatsStore
from offhook.settings import Settings

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("setting", Settings.model_fields)
def test_every_setting_is_described(setting: str) -> None:
    assert f"| `{setting}` |" in text("docs/configuration.md")


def test_every_setting_described_exists() -> None:
    described = re.findall(r"^\| `(\w+)` \|", text("docs/configuration.md"), re.MULTILINE)
    assert set(described) == set(Settings.model_fields)


class NoStats(StatsStore):
    """Is never asked."""


def test_every_metric_is_described() -> None:
    registry = CollectorRegistry()
    HttpMetrics(registry)
    DeliveryMetrics(registry)
    BacklogMeter(registry=registry, store=NoStats(), now_ms=lambda: 0)
    described = text("docs/metrics.md")
    for family in registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert f"`{name}`" in described


def test_every_command_is_in_the_changelog_or_readme() -> None:
    described = text("README.md") + text("CHANGELOG.md")
    for command in cli.registered_commands:
        name = command.name or (command.callback and command.callback.__name__) or ""
        assert f"`{name.rstrip('_')}`" in described or f"offhook {name.rstrip('_')}" in described


def test_every_decision_is_in_the_index() -> None:
    index = text("docs/adr/README.md")
    for decision in (ROOT / "docs/adr").glob("0*.md"):
        assert f"({decision.name})" in index


def test_every_dependency_has_its_line() -> None:
    listed = text("docs/adr/0002-dependencies.md")
    project = text("pyproject.toml")
    block = project[project.index("dependencies = [") : project.index("[project.scripts]")]
    for name in re.findall(r'^    "([a-z0-9-]+)', block, re.MULTILINE):
        assert re.search(rf"\b{name}\b", listed), name


def test_the_architecture_fits_and_names_files_that_exist() -> None:
    page = text("ARCHITECTURE.md")
    assert page.count("\n") < 200
    for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)", page):
        assert (ROOT / "src/offhook" / name).exists(), name


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/adr/README.md"])
def test_links_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)#:]+)\)", text(page)):
        assert (folder / target).exists(), target


def test_every_table_of_the_schema_is_in_the_architecture() -> None:
    page = text("ARCHITECTURE.md")
    for migration in (ROOT / "src/offhook/store/migrations/sqlite").glob("*.sql"):
        for table in re.findall(r"CREATE TABLE (\w+)", migration.read_text()):
            assert f"`{table}`" in page, table
