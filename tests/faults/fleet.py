"""Several real processes over a PostgreSQL of their own: each may die, and so may it."""

import asyncio
import sys
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from counting_receiver import CountingReceiver
from lookout import Away, Holders, Lookout
from server_process import Client, Server
from sockets import Connections, processes_at

from offhook.testing.faulty_wire import FaultyWire
from offhook.testing.servers.postgres import PostgresServer

_LAST_LINES = 30
_LINE = 400


class Fleet:
    """Processes of the role ``api`` and of the role ``engine`` over one durable server.

    Those that are ``wired`` reach it through a wire each. When the block is left, all processes are
    killed, and where it is left by an error, the end of what each of them said is shown.
    """

    def __init__(
        self,
        folder: Path,
        *,
        apis: int = 1,
        engines: int = 4,
        wired: Collection[str] = (),
    ) -> None:
        self.postgres = PostgresServer(folder / "postgres")
        self.lookout = Lookout(self.postgres.url())
        self.wires = {name: FaultyWire(self.postgres.url()) for name in wired}
        self._folder = folder
        self.apis = [self._server(f"api-{n}", "api") for n in range(1, apis + 1)]
        self.engines = [self._server(f"engine-{n}", "engine") for n in range(1, engines + 1)]
        self._held = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as held:
            held.enter_context(self.postgres)
            await held.enter_async_context(self.lookout)
            for wire in self.wires.values():
                await held.enter_async_context(wire)
            for server in self.servers:
                await server.start()
                held.push_async_callback(server.end)
            self._held = held.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        if exc[0] is not None:
            self._show_logs()
        await self._held.aclose()

    @property
    def servers(self) -> list[Server]:
        """All processes of Offhook's."""
        return [*self.apis, *self.engines]

    @property
    def engine_pids(self) -> list[int]:
        """The numbers of the engines' processes, dead or alive."""
        return [engine.pid for engine in self.engines]

    def clients(self) -> list[Client]:
        """One client of each API, which goes to the next one where its own is away."""
        apis = self.apis
        return [Client(*apis[n:], *apis[:n]) for n in range(len(apis))]

    async def ready(self) -> None:
        """Wait until each API serves, and the engines share everything evenly."""
        for api in self.apis:
            async with Client(api) as client:
                await client.ready()
        await self.even()

    def receiver(self) -> CountingReceiver:
        """A receiver that knows which of the engines each request came from."""
        receiver = CountingReceiver()
        connections = Connections(receiver.port, lambda: self.engine_pids)
        receiver.sender_of = connections.process_at
        return receiver

    async def join(self) -> Server:
        """One more engine."""
        engine = self._server(f"engine-{len(self.engines) + 1}", "engine")
        await engine.start()
        self._held.push_async_callback(engine.end)
        self.engines.append(engine)
        return engine

    async def even(self, engines: Iterable[Server] | None = None) -> Holders:
        """Wait until these engines, by default all, and nobody else hold even shares."""
        pids = self.engine_pids if engines is None else [engine.pid for engine in engines]
        return await self._held_so(lambda holders: holders.even_among(pids), "even shares")

    async def all_with(self, engines: Iterable[Server]) -> Holders:
        """Wait until these engines hold everything between them."""
        pids = [engine.pid for engine in engines]
        return await self._held_so(lambda holders: holders.all_with(pids), "a take-over")

    async def backends_of(self, servers: Collection[Server]) -> list[int]:
        """The database's processes that work for these processes."""
        through = processes_at([server.pid for server in servers], self.postgres.port)
        backends = await self.lookout.backends()
        return [backend for backend, port in backends.items() if port in through]

    async def _held_so(self, reached: Callable[[Holders], bool], what: str) -> Holders:
        holders: Holders | None = None
        try:
            async with asyncio.timeout(90):
                while True:
                    try:
                        holders = await self.lookout.holders()
                    except Away:
                        holders = None
                    if holders is not None and reached(holders):
                        return holders
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{what} did not come about: {holders}") from None

    def _server(self, name: str, role: str) -> Server:
        wire = self.wires.get(name)
        url = self.postgres.url() if wire is None else wire.url
        return Server(self._folder, name, database=url, role=role)

    def _show_logs(self) -> None:
        logs = [server.log for server in self.servers]
        for log in (*logs, self._folder / "postgres" / "postgres.log"):
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            shown = "\n".join(line[:_LINE] for line in lines[-_LAST_LINES:])
            sys.stdout.write(f"\n--- the end of {log.name} ({len(lines)} lines)\n{shown}\n")
