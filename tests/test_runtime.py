"""How a server's process is set up."""

import subprocess
import sys

_CHILD = """
import resource
from offhook import runtime
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
runtime.tune()
print(resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most))
"""


def test_a_server_may_open_as_many_files_as_the_system_lets_it() -> None:
    said = subprocess.check_output([sys.executable, "-c", _CHILD], text=True)
    assert said == "True\n"
