"""Real processes share one server, whoever of them comes, goes or is killed."""

import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from offhook.testing.servers.postgres import postgres_url, run_sql
from offhook.testing.servers.postgres_binaries import find_postgres
from offhook.testing.servers.process import ServerFailed
from offhook.testing.servers.redis import ask
from offhook.testing.servers.sharing import borrowed, borrowers, port_file

BORROWER = """
import sys
from pathlib import Path
from offhook.testing.servers.sharing import borrowed
with borrowed(sys.argv[1], Path(sys.argv[2])) as port:
    print(port, flush=True)
    sys.stdin.read()
"""


@contextmanager
def borrower(server: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that borrows until its input ends; its output is the port."""
    with subprocess.Popen(
        [sys.executable, "-c", BORROWER, server, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield process


def port_of(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def until_ended(folder: Path) -> None:
    """The keeper takes its word back first, and lets go of the lock once its server is gone."""
    deadline_s = time.monotonic() + 30
    while port_file(folder).exists():
        assert time.monotonic() < deadline_s, "the keeper still keeps the server"
        time.sleep(0.01)
    with borrowers(folder) as here:
        fcntl.flock(here, fcntl.LOCK_SH)


def test_processes_that_start_together_get_one_server(tmp_path: Path) -> None:
    with borrower("redis", tmp_path) as one, borrower("redis", tmp_path) as other:
        port = port_of(one)
        assert port_of(other) == port
        assert ask(port, "PING") == "+PONG"
    until_ended(tmp_path)
    with pytest.raises(ConnectionRefusedError):
        ask(port, "PING")


def test_the_server_outlives_a_starter_that_is_killed_and_ends_with_the_last(
    tmp_path: Path,
) -> None:
    with borrower("redis", tmp_path) as starter:
        port = port_of(starter)
        with borrower("redis", tmp_path) as other:
            assert port_of(other) == port
            starter.kill()
            starter.wait()
            assert ask(port, "PING") == "+PONG"
            other.kill()
    until_ended(tmp_path)
    assert not port_file(tmp_path).exists()
    with pytest.raises(ConnectionRefusedError):
        ask(port, "PING")
    with borrowed("redis", tmp_path) as new_port:
        assert ask(new_port, "PING") == "+PONG"
    until_ended(tmp_path)


def test_what_a_dead_keeper_told_is_not_believed(tmp_path: Path) -> None:
    port_file(tmp_path).write_text("1")
    with borrowed("redis", tmp_path) as port, redis.Redis(port=port) as client:
        assert client.ping()
    until_ended(tmp_path)


def test_a_shared_cluster_is_removed_with_its_server(tmp_path: Path) -> None:
    binaries = find_postgres()
    with borrowed(binaries.name, tmp_path) as port:
        place = Path(run_sql(binaries, postgres_url(port), "SHOW data_directory").strip())
        assert place.exists()
    until_ended(tmp_path)
    assert not place.exists()


def test_a_server_that_cannot_be_kept_is_told_with_its_reason(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerFailed, match=r"pg99 was not started:(.|\n)*pg99"),
        borrowed("pg99", tmp_path),
    ):
        pass
