"""Ports are given to one at a time, before anything listens there."""

import secrets
import socket
import subprocess
import sys

import pytest

from offhook.testing.servers.ports import LOOPBACK, free_port

ANOTHER = """
import secrets, sys
from offhook.testing.servers.ports import free_port
choices = [int(word) for word in sys.argv[1:]]
secrets.choice = lambda _: choices.pop(0)
print(free_port())
"""


def given_elsewhere(*choices: int) -> int:
    """Which of these ports another process is given."""
    command = [sys.executable, "-c", ANOTHER, *map(str, choices)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_a_port_that_was_given_is_not_given_to_another_process() -> None:
    given = free_port()
    assert (
        given_elsewhere(given, *(port for port in range(20_000, 20_050) if port != given)) != given
    )


def test_a_port_where_somebody_listens_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = list(range(12_345, 12_395))
    with socket.create_server((LOOPBACK, 0)) as listening:
        choices.insert(0, listening.getsockname()[1])
        monkeypatch.setattr(secrets, "choice", lambda _: choices.pop(0))
        assert free_port() != listening.getsockname()[1]
