"""A small receiver: takes whatever comes, and hands it over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from offhook.model.errors import Invalid
from offhook.tools.probe import Request

_CLOSE_S = 1.0


class Arrivals:
    """The requests that came, in the order of their coming."""

    def __init__(self) -> None:
        self.port = 0
        self._came: asyncio.Queue[Request] = asyncio.Queue()

    async def next(self) -> Request:
        """The next one; waits for it."""
        return await self._came.get()

    async def take(self, request: web.BaseRequest) -> web.Response:
        """Answer a request, and keep it if it is a delivery's."""
        if request.method != "POST":
            return web.Response(text="offhook selftest waits here for a delivery.\n")
        self._came.put_nowait(Request(dict(request.headers), await request.read()))
        return web.Response(status=204)


@asynccontextmanager
async def listening(host: str, port: int) -> AsyncIterator[Arrivals]:
    """A receiver on this address while inside; port 0 takes a free one."""
    arrivals = Arrivals()
    runner = web.ServerRunner(web.Server(arrivals.take), shutdown_timeout=_CLOSE_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise Invalid(
                f"--listen {host}:{port} cannot be listened on: {error.strerror or error}."
            ) from None
        arrivals.port = runner.addresses[0][1]
        yield arrivals
    finally:
        await runner.cleanup()
