"""Batch ingest without HTTP: ``python -m benchmarks.in_process DATA FILE SECONDS``.

The file holds a JSON list of facts. Reads, folds, renders and commits them a thousand at a time,
and prints facts per second, and the processor time used in each second.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from offhook import runtime
from offhook.clock import SystemClock
from offhook.log.appender import Appender
from offhook.log.fold import fold
from offhook.log.submit import read_submission
from offhook.model.ids import DEFAULT_ACCOUNT
from offhook.store.sqlite import open_sqlite

_BATCH: Final = 1_000
_WRITERS: Final = 2


async def _write(appender: Appender, batches: Sequence[Sequence[bytes]], until_s: float) -> int:
    written = 0
    for batch in batches:
        if time.monotonic() > until_s:
            break
        read = [
            read_submission(
                msgspec.json.decode(fact), account=DEFAULT_ACCOUNT, test=False, size=len(fact)
            )
            for fact in batch
        ]
        written += len(await appender.submit(read))
    return written


async def _measure(data: Path, items: Sequence[bytes], seconds: float) -> tuple[float, float]:
    remaining = iter(items)
    batches = list(iter(lambda: list(islice(remaining, _BATCH)), []))
    store = open_sqlite(data, clock=SystemClock())
    appender = Appender(store=store.log, fold=fold)
    appender.start()
    began, used_s = time.monotonic(), time.process_time()
    shares = (batches[writer::_WRITERS] for writer in range(_WRITERS))
    writing = (_write(appender, share, began + seconds) for share in shares)
    written = sum(await asyncio.gather(*writing))
    elapsed_s = time.monotonic() - began
    busy = (time.process_time() - used_s) / elapsed_s
    await appender.stop()
    await store.close()
    return written / elapsed_s, busy


def main() -> None:
    """Read the arguments, measure, print."""
    data, file, seconds = sys.argv[1:]
    runtime.tune()
    raws = msgspec.json.decode(Path(file).read_bytes(), type=list[msgspec.Raw])
    items = [bytes(raw) for raw in raws]
    print(*uvloop.run(_measure(Path(data), items, float(seconds))))


if __name__ == "__main__":
    main()
