"""The process that runs a shared server until its last borrower is gone."""

import fcntl
import os
import shutil
import sys
from pathlib import Path

from offhook.testing.servers.postgres import PostgresServer
from offhook.testing.servers.postgres_binaries import installed_postgres
from offhook.testing.servers.redis import RedisServer
from offhook.testing.servers.sharing import borrowers, port_file


def keep(server: PostgresServer | RedisServer, folder: Path) -> None:
    """Run the server, tell its port, and end it once nobody borrows it any more."""
    with borrowers(folder) as others:
        with server, port_file(folder).open("w") as told:
            fcntl.flock(told, fcntl.LOCK_EX)
            told.write(str(server.port))
            told.flush()
            fcntl.flock(others, fcntl.LOCK_EX)
            port_file(folder).unlink()
        shutil.rmtree(folder / "data", ignore_errors=True)


def server_named(name: str, folder: Path) -> PostgresServer | RedisServer:
    """The server that ``borrowed`` names, not yet started: fast, and durable only in memory."""
    if name == "redis":
        return RedisServer(folder)
    named = {each.name: each for each in installed_postgres()}
    return PostgresServer(folder, named[name], durable=False)


if __name__ == "__main__":
    # Ctrl-C is for the borrowers.
    os.setsid()
    keep(server_named(sys.argv[1], Path(sys.argv[2])), Path(sys.argv[2]))
