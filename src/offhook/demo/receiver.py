"""The receiver's process: ``python -m offhook.demo.receiver --port PORT``."""

import argparse
import asyncio
import os
import signal
import sys
from functools import partial
from random import Random
from typing import Final

import uvloop

from offhook.clock import SystemClock
from offhook.demo.endpoint import Endpoint
from offhook.demo.faults import Faults
from offhook.demo.wire import Connection

SIGNING_KEY_VARIABLE: Final = "OFFHOOK_DEMO_SIGNING_KEY"


async def serve(endpoint: Endpoint, port: int) -> None:
    """Listen on this machine until SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    server = await loop.create_server(
        partial(Connection, endpoint.handle), "127.0.0.1", port, backlog=1024
    )
    await stopped.wait()
    server.close()


def main() -> None:
    """Read the options and the secret, which stays out of the list of processes."""
    parser = argparse.ArgumentParser(prog="python -m offhook.demo.receiver")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--fail", type=float, default=0.1, help="share of requests to fail")
    parser.add_argument("--seed", type=int, default=1, help="of what fails")
    parser.add_argument("--slow-s", type=float, default=2.0, help="how late slow answers are")
    options = parser.parse_args()
    rnd = Random(options.seed)  # noqa: S311 - the same seed has to fail the same requests
    secret = os.environ[SIGNING_KEY_VARIABLE]
    endpoint = Endpoint(secret, Faults(rnd, options.fail), SystemClock(), options.slow_s)
    try:
        uvloop.run(serve(endpoint, options.port))
    except OSError as error:
        sys.exit(f"cannot listen on port {options.port}: {error.strerror}")


if __name__ == "__main__":
    main()
