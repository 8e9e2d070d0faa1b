"""``offhook replay``: asks a running server for a replay, and watches it to its end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from offhook.model.errors import OffhookError

_TIMEOUT_S = 30.0
_EVERY_S = 0.5
_MOST_FAILURES = 20
_LATER = frozenset({429, 500, 502, 503, 504})

Sleep = Callable[[float], Awaitable[None]]


class NotReplayed(OffhookError):
    """The server cannot be reached, or refused."""

    code = "not_replayed"


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """Which deliveries are to be sent again, by which server. With ``wait`` until the replay is
    over."""

    url: str
    key: str
    webhook: str
    only: str
    since: str | None
    until: str | None
    types: list[str] | None
    rate_per_s: float | None
    wait: bool

    def body(self) -> dict[str, object]:
        """What is posted: nothing is said of what was left out."""
        stated = {
            "only": self.only,
            "since": self.since,
            "until": self.until,
            "types": self.types or None,
            "rate_per_s": self.rate_per_s,
        }
        return {field: value for field, value in stated.items() if value is not None}


class Counts(msgspec.Struct, frozen=True):
    """What came of it."""

    matched: int
    accepted: int
    failed: int
    waiting: int
    hurried: int


class Job(msgspec.Struct, frozen=True):
    """A replay as the server tells of it."""

    id: str
    webhook_id: str
    state: str
    only: str
    counts: Counts
    progress: float
    reason: str | None = None

    @property
    def went_well(self) -> bool:
        """Whether it is not canceled, and gave up nothing."""
        return self.state != "canceled" and not self.counts.failed


class _Problem(msgspec.Struct):
    detail: str = ""


OnProgress = Callable[[Job], None]


async def run_replay(
    options: ReplayOptions, on_progress: OnProgress, sleep: Sleep = asyncio.sleep
) -> Job:
    """Ask for the replay; returns how it stands in the end, or at once where nobody waits. Raises
    ``NotReplayed``."""
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    headers = {"authorization": f"Bearer {options.key}"}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        server = _Server(session, options.url.rstrip("/"), sleep)
        job = await server.ask(options)
        on_progress(job)
        while options.wait and job.state == "running":
            await sleep(_EVERY_S)
            job = await server.look(job.id)
            on_progress(job)
        return job


class _Server:
    def __init__(self, session: aiohttp.ClientSession, url: str, sleep: Sleep) -> None:
        self._session = session
        self._url = url
        self._sleep = sleep

    async def ask(self, options: ReplayOptions) -> Job:
        path = f"/v1/webhooks/{quote(options.webhook, safe='')}/replay"
        try:
            status, body = await self._request("POST", path, options.body())
        except aiohttp.InvalidURL:
            raise NotReplayed(
                f"{self._url!r} is no URL of a server; write one such as http://127.0.0.1:8080."
            ) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotReplayed(
                f"{self._url} cannot be reached: {_told(error)}. Is the server running, and the "
                "URL right?"
            ) from None
        return self._job(status, body)

    async def look(self, replay: str) -> Job:
        """How it stands; a server that is away for a moment is waited for."""
        problem = ""
        for _ in range(_MOST_FAILURES):
            try:
                status, body = await self._request("GET", f"/v1/replays/{replay}")
            except (aiohttp.ClientError, TimeoutError) as error:
                problem = _told(error)
            else:
                if status not in _LATER:
                    return self._job(status, body)
                problem = f"it answered {status}"
            await self._sleep(_EVERY_S)
        raise NotReplayed(
            f"{self._url} does not tell any more how {replay} stands: {problem}. It goes on when "
            f"the server does; GET /v1/replays/{replay} shows it."
        )

    async def _request(
        self, method: str, path: str, body: dict[str, object] | None = None
    ) -> tuple[int, bytes]:
        async with self._session.request(
            method, f"{self._url}{path}", json=body, allow_redirects=False
        ) as answer:
            return answer.status, await answer.read()

    def _job(self, status: int, body: bytes) -> Job:
        try:
            if status < 300:
                return msgspec.json.decode(body, type=Job)
            problem = msgspec.json.decode(body, type=_Problem)
        except msgspec.MsgspecError:
            raise NotReplayed(
                f"{self._url} answered {status}, and not as Offhook does; is the URL right?"
            ) from None
        raise NotReplayed(f"{self._url} answered {status}: {problem.detail}")


@contextmanager
def progress_bar(console: Console) -> Iterator[OnProgress]:
    """Draw a bar over what a replay has read, on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    unseen = console.quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=unseen) as bar:
        task = bar.add_task("replaying", total=1.0)

        def show(job: Job) -> None:
            counts = job.counts
            told = f"{counts.accepted} accepted, {counts.waiting} waiting, {counts.failed} failed"
            bar.update(task, completed=job.progress, description=told)

        yield show


def as_json(job: Job) -> str:
    """The replay, for programs."""
    return msgspec.json.encode(job).decode()


def as_text(job: Job) -> str:
    """The replay in one line, for people."""
    counts = job.counts
    why = f" ({job.reason})" if job.reason else ""
    return (
        f"{job.id} {job.state}{why}: {counts.matched} sent again, {counts.accepted} accepted, "
        f"{counts.failed} failed, {counts.waiting} waiting; {counts.hurried} pending hurried"
    )


def _told(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.strerror:
        return error.os_error.strerror
    return str(error) or type(error).__name__
