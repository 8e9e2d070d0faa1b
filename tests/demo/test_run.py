"""The whole demo, with a real server, a real receiver and real failures, and each of its ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

ROOT = Path(__file__).parents[2]
BANK = ROOT.parent / "shared" / "data" / "technion_anonymous_bank_1999_02.tsv"
PROGRAM = "import sys; from offhook.demo.run import *; sys.exit(run_demo(DemoOptions({})))"
CALLS = "id;from;at;how\n1;+12145550123;2026-11-20T10:00:00Z;yes\n2;;2026-11-20T10:05:00Z;no\n"
MAPPING = {
    "external_id": "id",
    "source": {"value": "test"},
    "direction": {"value": "inbound"},
    "caller_id": "from",
    "started_at": "at",
    "outcome": {"path": "how", "lookup": {"yes": "answered", "no": "abandoned"}},
}


def command(options: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM.format(options)]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder)}


def demo(folder: Path, options: str, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(options),
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def processes_in(folder: Path) -> list[int]:
    """The processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
                where = (entry / "cwd").readlink()
            except OSError:
                continue
            if "offhook" in line and where.is_relative_to(folder):
                found.append(int(entry.name))
    return found


def until(reached: Any) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command("calls_per_day=20000"),
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("A server at http://127.0.0.1:")
            yield process
        finally:
            process.kill()


def test_a_simulated_day_arrives_whole_although_a_tenth_of_the_requests_fail(
    tmp_path: Path,
) -> None:
    ended = demo(tmp_path, "calls_per_day=150, as_json=True")
    assert (ended.returncode, ended.stderr) == (0, "")
    told = json.loads(ended.stdout)["report"]
    assert told["calls"] == 150
    assert told["distinct"] == told["expected"] > 800
    assert told["missing"] == told["gaps"] == told["out_of_order"] == told["invalid"] == 0
    assert told["failed_on_purpose"] > 0
    assert told["retries"] > 0
    assert told["duplicates"] == told["received"] - told["distinct"]
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


def test_a_file_of_calls_arrives_by_outcome_and_the_folder_stays_where_asked(
    tmp_path: Path,
) -> None:
    calls, mapping = tmp_path / "calls.csv", tmp_path / "mapping.json"
    calls.write_text(CALLS)
    mapping.write_text(json.dumps(MAPPING))
    options = f"calls=Path({str(calls)!r}), mapping=Path({str(mapping)!r}), keep=True"
    ended = demo(tmp_path, options)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Every event arrived" in ended.stdout
    (kept,) = tmp_path.glob("offhook-demo-*")
    assert {file.name for file in kept.iterdir()} == {"data", "server.log", "receiver.log"}
    figures = [line.strip(" │").split() for line in ended.stdout.splitlines()]
    assert ["answered", "│", "1"] in figures
    assert ["abandoned", "│", "1"] in figures


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that PostgreSQL can enter, which never runs as root."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def told_of(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert (ended.returncode, ended.stderr) == (0, "")
    summary: dict[str, Any] = json.loads(ended.stdout)
    told = summary["report"]
    assert told["distinct"] == told["expected"] > 400
    assert told["missing"] == told["gaps"] == told["out_of_order"] == told["invalid"] == 0
    return summary


@pytest.mark.slow
def test_several_processes_share_a_postgresql_that_is_started_for_them_and_gone_afterwards(
    open_folder: Path,
) -> None:
    ended = demo(open_folder, "calls_per_day=80, processes=3, as_json=True")
    summary = told_of(ended)
    assert summary["processes"] == 3
    assert summary["database"].startswith("PostgreSQL ")
    left = {file.name.split("-")[1] for file in open_folder.iterdir()}
    assert left.isdisjoint({"demo", "postgres"})
    assert processes_in(open_folder) == []


@pytest.mark.slow
def test_a_database_that_is_given_is_left_as_it_was(tmp_path: Path, postgres18_url: str) -> None:
    before = schemas(postgres18_url)
    summary = told_of(
        demo(tmp_path, f"calls_per_day=80, database={postgres18_url!r}, as_json=True")
    )
    assert summary["processes"] == 1
    assert "/postgres, schema offhook_demo_" in summary["database"]
    assert schemas(postgres18_url) == before


def schemas(url: str) -> set[str]:
    async def names() -> set[str]:
        raw = await asyncpg.connect(url)
        try:
            rows = await raw.fetch("SELECT nspname FROM pg_namespace")
        finally:
            await raw.close()
        return {row[0] for row in rows if row[0].startswith("offhook_demo")}

    return asyncio.run(names())


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not BANK.exists(), reason="the bank's data is not here")
def test_a_real_months_calls_arrive_as_many_and_as_answered_as_they_were(tmp_path: Path) -> None:
    mapping = ROOT / "examples" / "technion" / "mapping.json"
    options = f"calls=Path({str(BANK)!r}), mapping=Path({str(mapping)!r}), as_json=True"
    ended = demo(tmp_path, options, timeout_s=540)
    assert (ended.returncode, ended.stderr) == (0, "")
    told = json.loads(ended.stdout)["report"]
    assert told["calls"] == 33_344
    assert told["by_outcome"] == {"answered": 27_162, "abandoned": 5_904, "failed": 278}
    assert told["distinct"] == told["expected"]
    assert told["missing"] == told["gaps"] == told["out_of_order"] == told["invalid"] == 0


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("fail=0.9", "demo: --fail is 0.9; give a share from 0 to 0.5"),
        ("calls_per_day=0", "demo: --calls-per-day is 0; give 1 or more"),
        ("processes=0", "demo: --processes is 0; give 1 or more"),
        ("database='offhook.db'", "demo: --database is no URL of a PostgreSQL database; give one"),
        (
            "database='postgresql://me:secret@127.0.0.1:1/db'",
            "demo: The database postgresql://127.0.0.1:1/db cannot be used ([Errno 111] Connect",
        ),
        ("calls=Path('x.csv')", "demo: --calls and --mapping go together"),
        ("calls=Path('x.csv'), mapping=Path('y.json')", "demo: there is no file x.csv"),
    ],
)
def test_what_cannot_be_run_is_told_in_one_line(
    tmp_path: Path, options: str, complaint: str
) -> None:
    ended = demo(tmp_path, options)
    assert ended.returncode == 1
    assert ended.stderr.startswith(complaint)
    assert len(ended.stderr.splitlines()) == 1


def test_a_mapping_that_does_not_fit_is_told_in_one_line(tmp_path: Path) -> None:
    calls, mapping = tmp_path / "calls.csv", tmp_path / "mapping.json"
    calls.write_text(CALLS)
    mapping.write_text(json.dumps(MAPPING | {"caller_id": "form"}))
    ended = demo(tmp_path, f"calls=Path({str(calls)!r}), mapping=Path({str(mapping)!r})")
    assert ended.returncode == 1
    assert 'did you mean "from"?' in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert processes_in(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_when_it_is_stopped_so_are_its_children(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as process:
        until(lambda: len(processes_in(tmp_path)) == 2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "demo: interrupted\n"
    assert processes_in(tmp_path) == []


def test_when_the_server_dies_the_demo_says_so_and_fails(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        until(lambda: len(processes_in(tmp_path)) == 2)
        server = next(pid for pid in processes_in(tmp_path) if "serve" in command_line(pid))
        os.kill(server, signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("demo: the server was killed by signal 9")
    assert processes_in(tmp_path) == []


def command_line(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
