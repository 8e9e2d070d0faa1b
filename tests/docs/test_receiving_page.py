"""The page on receiving shows what there is: its examples are the files, its code runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from offhook.receiver import calling, journal, receiving, threaded, worker
from offhook.signing import make_secret

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "receiving.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = sorted((ROOT / "examples" / "receivers").glob("*/app.py"))
SECRET = make_secret(bytes(32))


def block_with(part: str) -> str:
    [found] = [block for block in BLOCKS if part in block]
    return found


def run(folder: Path, *command: str, **environment: str) -> str:
    python = (sys.executable, *command)
    environment = {**os.environ, **environment}
    done = subprocess.run(
        python, check=False, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("file", [*EXAMPLES, ROOT / "examples/receiver/hook.py"], ids=str)
def test_the_examples_shown_are_the_files(file: Path) -> None:
    assert file.read_text() in BLOCKS


def test_the_dead_letters_script_runs(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(block_with("look_at_dead_letters"))
    assert run(tmp_path, "script.py") == "0 retried; Depth(waiting=0, dead=0)\n"


def test_the_example_of_a_test_passes(tmp_path: Path) -> None:
    (tmp_path / "test_handler.py").write_text(block_with("SteppedReceiver"))
    assert "1 passed" in run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_the_example_with_a_frameworks_client_passes(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text((ROOT / "examples/receivers/flask/app.py").read_text())
    fixture = f"import pytest\n\n@pytest.fixture\ndef secret():\n    return {SECRET!r}\n"
    (tmp_path / "conftest.py").write_text(fixture)
    (tmp_path / "test_app.py").write_text(block_with("test_client"))
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "1 passed" in run(tmp_path, *command, SECRET=SECRET, QUEUE="queue.db")


def test_the_example_of_a_naming_makes_a_receiver(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(block_with("naming=Naming("))
    assert run(tmp_path, "script.py", SECRET="a secret") == ""


def test_every_log_line_is_named() -> None:
    modules = (calling, journal, receiving, threaded, worker)
    text = "\n".join(Path(str(module.__file__)).read_text() for module in modules)
    for name in re.findall(r"""_log\.\w+\(\s*"(\w+)\"""", text):
        assert f"`{name}`" in PAGE, name


def test_a_receiver_needs_no_framework_client_or_driver(tmp_path: Path) -> None:
    others = "{'aiohttp', 'fastapi', 'starlette', 'flask', 'django', 'asyncpg', 'redis', 'apsw'}"
    script = f"import offhook.receiver, sys; print({others} & set(sys.modules))"
    assert run(tmp_path, "-c", script) == "set()\n"
