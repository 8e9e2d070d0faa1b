"""A seed is one life: wherever it is lived, whatever went before."""

import os
import subprocess
import sys

SCRIPT = """
from offhook.testing.simulated.life import live
print([live(seed).digest for seed in (2, 4, 5, 16, 44)])
"""


def lived(hash_seed: str) -> str:
    """The digests of some lives, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout


def test_the_same_seed_gives_the_same_trace_in_any_process() -> None:
    assert lived("1") == lived("2")
