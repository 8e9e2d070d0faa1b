"""Import a file of finished calls through the API of a running server."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import aiohttp
import msgspec

from offhook.integrations.files import BrokenRow, Row, Table, open_table
from offhook.integrations.posting import BatchClient, ItemAnswer, PostBatch
from offhook.integrations.rejects import Rejection, RejectsFile, open_rejects
from offhook.mapping.compiler import FieldMapping, Unread, compile_mapping
from offhook.mapping.reading import shown
from offhook.model.errors import FieldError, Invalid, Unreadable

MAX_ITEMS = 1_000
_MAX_BATCH_BYTES = 8 << 20
_IN_FLIGHT = 3
_TIMEOUT_S = 60.0
_KEPT_REJECTIONS = 1_000

Progress = Callable[["ImportReport"], None]
"""Told the report so far, after each batch that was answered."""


@dataclass(slots=True)
class ImportReport:
    """What became of a file's rows: each is new, unchanged or rejected.

    ``adjusted`` counts rows with a local time that the autumn overlap or the spring gap made
    doubtful. ``rejections`` holds the first thousand.
    """

    encoding: str = ""
    rows_read: int = 0
    new: int = 0
    unchanged: int = 0
    rejected: int = 0
    adjusted: int = 0
    rejections: list[Rejection] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What to import, how to read it, and into which server."""

    path: Path
    mapping: Path
    url: str
    key: str
    live: bool = False
    """Whether the calls are news: they then reach endpoints like any other."""
    rejects: Path | None = None
    """Where to write the rejected rows, with their reasons."""
    timezone: str | None = None
    region: str | None = None


async def run_import(options: ImportOptions, progress: Progress | None = None) -> ImportReport:
    """Import a file; running it again takes nothing twice.

    Raises ``Unreadable`` and ``Invalid`` for the file and the mapping, ``RefusedByServer`` and
    ``Unreachable`` for the server.
    """
    mapping = compile_mapping(
        _read_document(options.mapping), timezone=options.timezone, region=options.region
    )
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        client = BatchClient(session, options.url, options.key)
        await client.reach()
        return await import_file(
            options.path,
            mapping,
            post_batch=client.post,
            live=options.live,
            rejects=options.rejects,
            progress=progress,
        )


async def import_file(
    path: Path,
    mapping: FieldMapping,
    *,
    post_batch: PostBatch,
    live: bool = False,
    rejects: Path | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Read, map and post a file, up to 1,000 rows a batch and three batches at a time.

    A row that cannot be taken is rejected and told; it stops no other.
    """
    with ExitStack() as opened:
        table = opened.enter_context(open_table(path))
        check_mapping(mapping, table.header)
        kept = opened.enter_context(open_rejects(rejects, table, path)) if rejects else None
        work = _Import(mapping, post_batch, live, kept, progress or _silent)
        return await work.run(table)


def check_mapping(mapping: FieldMapping, header: Sequence[str]) -> None:
    """Raise ``Invalid`` if the mapping cannot identify a call, or looks for columns that the file
    does not have."""
    faults = [
        FieldError(f"mapping.{name}", "is missing; it identifies the call")
        for name in ("source", "external_id")
        if name not in mapping.targets
    ]
    for column in sorted(mapping.columns - set(header)):
        near = get_close_matches(column, header, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        faults.append(FieldError("mapping", f'the file has no column "{column}"{hint}'))
    if faults:
        told = "; ".join(f"{fault.path}: {fault.message}" for fault in faults)
        raise Invalid(f"The mapping does not fit the file. {told}", *faults)


def _read_document(path: Path) -> object:
    try:
        return msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"The mapping {path.name} is not JSON: {error}.") from None


def _silent(_report: ImportReport) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Mapped:
    """A row on its way to the server."""

    row: Row
    fields: dict[str, object]
    item: bytes


class _Import:
    """One run over one file."""

    def __init__(
        self,
        mapping: FieldMapping,
        post_batch: PostBatch,
        live: bool,
        rejects: RejectsFile | None,
        progress: Progress,
    ) -> None:
        self._mapping = mapping
        self._post_batch = post_batch
        self._stated: dict[str, object] = {} if live else {"historical": True}
        self._rejects = rejects
        self._progress = progress
        self._report = ImportReport()
        self._sent: deque[tuple[list[_Mapped], asyncio.Task[Sequence[ItemAnswer]]]] = deque()

    async def run(self, table: Table) -> ImportReport:
        self._report.encoding = table.encoding
        try:
            for batch in self._batches(table):
                self._sent.append((batch, asyncio.create_task(self._post(batch))))
                await self._settle(_IN_FLIGHT - 1)
            await self._settle(0)
        finally:
            await self._abandon()
        self._report.rejections.sort(key=lambda rejection: rejection.row)
        return self._report

    def _batches(self, table: Table) -> Iterator[list[_Mapped]]:
        batch: list[_Mapped] = []
        size = 0
        for row in table.rows():
            self._report.rows_read += 1
            mapped = self._map(row)
            if mapped is None:
                continue
            if len(batch) == MAX_ITEMS or (batch and size + len(mapped.item) > _MAX_BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(mapped)
            size += len(mapped.item)
        if batch:
            yield batch

    def _map(self, row: Row | BrokenRow) -> _Mapped | None:
        if isinstance(row, BrokenRow):
            broken = Rejection(row.number, row.column, row.value, row.reason)
            self._reject(row.cells, [broken])
            return None
        mapped = self._mapping.apply(row.record)
        if mapped.errors:
            self._reject(row.cells, [_unread(row.number, error) for error in mapped.errors])
            return None
        self._report.adjusted += bool(mapped.adjusted)
        fields = {**mapped.fields, **self._stated}
        item = msgspec.json.encode({"type": "call.ended", "data": fields})
        return _Mapped(row, fields, item)

    async def _post(self, batch: list[_Mapped]) -> Sequence[ItemAnswer]:
        return await self._post_batch([mapped.item for mapped in batch])

    async def _settle(self, left: int) -> None:
        """Wait until no more than ``left`` batches are under way."""
        while len(self._sent) > left:
            batch, task = self._sent[0]
            answers = await task
            self._sent.popleft()
            for mapped, answer in zip(batch, answers, strict=True):
                self._count(mapped, answer)
            self._progress(self._report)

    def _count(self, mapped: _Mapped, answer: ItemAnswer) -> None:
        if answer.status >= 300:
            self._reject(mapped.row.cells, _refused(mapped, answer))
        elif answer.status == 200:
            self._report.unchanged += 1
        else:
            self._report.new += 1

    def _reject(self, cells: Sequence[str], rejections: Sequence[Rejection]) -> None:
        self._report.rejected += 1
        if len(self._report.rejections) < _KEPT_REJECTIONS:
            self._report.rejections.extend(rejections)
        if self._rejects is not None:
            self._rejects.write(cells, rejections)

    async def _abandon(self) -> None:
        for _, task in self._sent:
            task.cancel()
        await asyncio.gather(*(task for _, task in self._sent), return_exceptions=True)


def _unread(number: int, error: Unread) -> Rejection:
    value = "" if error.value is None else str(error.value)
    return Rejection(number, error.source or error.target, value, f"{error.target}: {error.reason}")


def _refused(mapped: _Mapped, answer: ItemAnswer) -> list[Rejection]:
    number, problem = mapped.row.number, answer.error
    if problem is None or not problem.errors:
        said = problem.detail or problem.title if problem else f"answered {answer.status}"
        return [Rejection(number, "", "", said)]
    rejections = []
    for fault in problem.errors:
        target = fault.path.partition(".data.")[2] or fault.path
        value = mapped.fields.get(target)
        rejections.append(
            Rejection(number, target, "" if value is None else shown(value), fault.message)
        )
    return rejections
