"""A PostgreSQL server on loopback, which may be killed and come back."""

import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from offhook.testing.servers.account import Account, unprivileged_account
from offhook.testing.servers.ports import LOOPBACK, free_port
from offhook.testing.servers.postgres_binaries import PostgresBinaries, find_postgres, usable_by
from offhook.testing.servers.process import ENVIRONMENT, ServerFailed, ServerProcess

_SUPERUSER: Final = "postgres"
_MAX_CONNECTIONS: Final = 200
_STOP_S: Final = 30.0
_ORPHANS_S: Final = 30.0
_ORPHANS_SAY: Final = "pre-existing shared memory block"
_AGAIN_S: Final = 0.1
_FAST_NOT_DURABLE: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class PostgresServer:
    """A cluster in ``folder``, served on a port of its own to the superuser, without a password.

    Its log is ``folder/postgres.log``. The cluster is in ``data``: ``folder/data``, where one that
    is there already is used again, or, where the account that runs it cannot enter ``folder``, a
    temporary folder that goes with ``close()``. ``durable`` says whether commits reach the disk
    before they are answered; without, tests are faster, and any crash may lose the latest commits.

    A context manager: entering starts it, leaving ends it at once and frees what it held outside
    ``folder``.
    """

    def __init__(
        self, folder: Path, binaries: PostgresBinaries | None = None, *, durable: bool = True
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        account = unprivileged_account()
        self.binaries = usable_by(account, binaries or find_postgres())
        self.port = free_port()
        self._account = account
        self._durable = durable
        self._log = folder / "postgres.log"
        self.data = _data_folder(folder.resolve(), account)
        self._process = ServerProcess(f"PostgreSQL {self.version}", self._log, account)

    @property
    def version(self) -> int:
        """The major version."""
        return self.binaries.version

    @property
    def pid(self) -> int:
        """The postmaster's process number."""
        return self._process.pid

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the server and return once it takes connections; makes the cluster if need be.

        After ``kill()`` it waits for what the dead server left behind, up to half a minute.
        Raises ``ServerFailed`` if it does not come up.
        """
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        deadline_s = time.monotonic() + _ORPHANS_S
        while not self._came_up(deadline_s):
            time.sleep(_AGAIN_S)

    def stop(self, *, immediate: bool = False) -> None:
        """End the server: its clients are cut off, and it writes all out; ``immediate`` does not
        write, as in a crash, and the next start recovers. Returns once it is gone.
        """
        self._process.end(signal.SIGQUIT if immediate else signal.SIGINT, _STOP_S)

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start again on the same port; returns once it takes connections."""
        self.stop(immediate=immediate)
        self.start()

    def kill(self) -> None:
        """SIGKILL the postmaster: its backends find out by themselves and end."""
        self._process.kill()

    def close(self) -> None:
        """End the server at once; remove its data if they lie in a temporary folder."""
        self.stop(immediate=True)
        if self.data.parent != self._log.parent.resolve() and self.data.exists():
            shutil.rmtree(self.data)

    def url(self, database: str = "postgres") -> str:
        """The URL of one of its databases, for the superuser."""
        return postgres_url(self.port, database)

    def _serves(self) -> bool:
        # The postmaster's own file tells it from another server that has taken the port.
        words = _words(self.data / "postmaster.pid")
        if not words or words[0] != str(self.pid) or words[-1] != "ready":
            return False
        question = [str(self.binaries.program("pg_isready")), "-q", "-d", self.url()]
        return subprocess.run(question, check=False, env=ENVIRONMENT).returncode == 0

    def _came_up(self, deadline_s: float) -> bool:
        self._process.start(self._command(), self.data)
        try:
            self._process.await_ready(self._serves)
        except ServerFailed:
            if _ORPHANS_SAY in self._process.said() and time.monotonic() < deadline_s:
                return False
            raise
        return True

    def _make_cluster(self) -> None:
        self.data.mkdir(exist_ok=True)
        self._account.own(self.data)
        program = self.binaries.program("initdb")
        who = ("-U", _SUPERUSER, "-A", "trust")
        what = ("-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
        self._process.run((program, "-D", self.data, *who, *what), self.data)

    def _command(self) -> tuple[str | Path, ...]:
        return (self.binaries.program("postgres"), "-D", self.data, *self._options())

    def _options(self) -> Iterator[str]:
        options = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(_MAX_CONNECTIONS),
        }
        for name, value in (options | ({} if self._durable else _FAST_NOT_DURABLE)).items():
            yield from ("-c", f"{name}={value}")


def postgres_url(port: int, database: str = "postgres") -> str:
    """The URL of a database of the server on this port, for the superuser."""
    return f"postgresql://{_SUPERUSER}@{LOOPBACK}:{port}/{database}"


@contextmanager
def fresh_schema(binaries: PostgresBinaries, port: int) -> Iterator[str]:
    """The URL of an empty schema of its own: what is made through it meets nobody else's tables.

    It is dropped at the end, unless somebody still holds a lock in it.
    """
    schema = f"t_{uuid.uuid4().hex}"
    run_sql(binaries, postgres_url(port), f"CREATE SCHEMA {schema}")
    yield f"{postgres_url(port)}?search_path={schema}"
    drop = ("SET lock_timeout = '1s'", f"DROP SCHEMA {schema} CASCADE")
    with suppress(ServerFailed):
        run_sql(binaries, postgres_url(port), *drop)


def run_sql(binaries: PostgresBinaries, url: str, *statements: str) -> str:
    """Run statements one by one with ``psql``, each in a transaction of its own.

    Returns the rows, one a line, columns separated by ``|``. Raises ``ServerFailed`` at the first
    statement that fails, with what the server said.
    """
    each = [word for statement in statements for word in ("-c", statement)]
    psql = str(binaries.program("psql"))
    done = subprocess.run(
        [psql, "-XAtq", "-v", "ON_ERROR_STOP=1", *each, url],
        check=False,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise ServerFailed(f"psql failed: {done.stderr.strip()}")
    return done.stdout


def _data_folder(folder: Path, account: Account) -> Path:
    if account.can_use(folder):
        return folder / "data"
    return Path(tempfile.gettempdir()) / f"offhook-postgres-{uuid.uuid4().hex}"


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except FileNotFoundError:
        return []
