"""What is given to ``make run`` reaches the demo."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def demo_of(*variables: str) -> list[str]:
    """The demo's arguments in what make would run."""
    command = ["make", "--dry-run", "run", *variables]
    # A make that runs these tests hands its own variables down.
    own = {name: it for name, it in os.environ.items() if name not in {"MAKEFLAGS", "ARGS"}}
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, check=True, text=True)
    lines = done.stdout.replace("\\\n", " ").splitlines()
    [words] = [words for line in lines if "demo" in (words := shlex.split(line))]
    return words[words.index("demo") + 1 :]


@pytest.mark.parametrize(
    ("variables", "arguments"),
    [
        ((), []),
        (("PROCESSES=4",), ["--processes", "4"]),
        (
            ("DATABASE=postgresql://u:p@h/db?a=1&b=2", "PROCESSES=4"),
            ["--database", "postgresql://u:p@h/db?a=1&b=2", "--processes", "4"],
        ),
        (("CALLS=c.csv", "MAPPING=m.json"), ["--calls", "c.csv", "--mapping", "m.json"]),
        (("ARGS=--keep --json",), ["--keep", "--json"]),
    ],
)
def test_variables_become_options(variables: tuple[str, ...], arguments: list[str]) -> None:
    assert demo_of(*variables) == arguments
