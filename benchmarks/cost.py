"""What something costs in processor time, of servers and of their database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.servers import Server
from benchmarks.table import Rate


@dataclass(frozen=True, slots=True)
class Cost:
    """So many a second, and processor seconds for each: of the servers, and of the database."""

    per_s: float
    server_s: float
    database_s: float = 0.0

    @property
    def cpu_s(self) -> float:
        """Both together."""
        return self.server_s + self.database_s

    @property
    def rate(self) -> Rate:
        """The same by time."""
        return Rate(self.per_s, self.cpu_s * self.per_s)

    def __str__(self) -> str:
        parts = [seconds for seconds in (self.server_s, self.database_s) if seconds]
        cpu = " + ".join(_shown(seconds * 1000) for seconds in parts)
        return f"{self.per_s:,.0f}/s" + (f", {cpu} ms CPU" if cpu else "")


@dataclass(slots=True)
class Meter:
    """What the servers of one place, and the place itself, use from when this is made."""

    servers: Sequence[Server]
    _began_s: float = field(init=False)
    _server_s: float = field(init=False)
    _database_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._began_s = asyncio.get_running_loop().time()
        self._server_s, self._database_s = self._used_s()

    def read(self, count: int, elapsed_s: float | None = None) -> Cost:
        """What each of ``count`` cost since this was made, or within ``elapsed_s`` of that."""
        server_s, database_s = self._used_s()
        passed_s = asyncio.get_running_loop().time() - self._began_s
        return Cost(
            count / (elapsed_s or passed_s),
            (server_s - self._server_s) / count,
            (database_s - self._database_s) / count,
        )

    def _used_s(self) -> tuple[float, float]:
        servers_s = sum(server.own_cpu_s() for server in self.servers)
        return servers_s, self.servers[0].place.cpu_s()


def cheapest(costs: Sequence[Cost]) -> Cost:
    """Of several rounds: what else runs on the machine only ever adds."""
    return min(costs, key=lambda cost: cost.cpu_s)


def fastest(costs: Sequence[Cost]) -> Cost:
    """Of several rounds, where what was waited for counts too."""
    return max(costs, key=lambda cost: cost.per_s)


def _shown(milliseconds: float) -> str:
    return f"{milliseconds:.2f}" if milliseconds >= 0.1 else f"{milliseconds:.3f}"
