"""Each example as it stands in the tree, run as its first line says, over a real socket."""

import asyncio
import os
import re
import shlex
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest

from offhook.receiver import Depth, Event, opened_queue
from offhook.receiver.event import stored_body
from offhook.receiver.ports import Arrival
from offhook.receiver.receiving import MAX_BODY_BYTES
from offhook.signing import STANDARD, make_secret, sign
from offhook.testing.servers.ports import free_port

EXAMPLES = Path(__file__).parents[2] / "examples" / "receivers"
SECRET = make_secret(bytes(32))
PATIENCE_S = 60


def body_of(number: int) -> bytes:
    data = {"disposition": "sold", "tags": [], "notes": None}
    document = {"id": f"evt_{number}", "type": "call.ended", "key": f"call_{number}", "data": data}
    return msgspec.json.encode(document)


def signed(number: int, body: bytes, age_s: int = 0) -> dict[str, str]:
    stamp = int(time.time()) - age_s
    return sign(STANDARD, [SECRET], event_id=f"evt_{number}", timestamp_s=stamp, body=body)


class Example:
    """An example that runs."""

    def __init__(self, url: str, queue: Path, output: asyncio.StreamReader) -> None:
        self.url = url
        self.queue = queue
        self._output = output

    async def post(
        self, body: bytes, headers: dict[str, str], method: str = "POST"
    ) -> tuple[int, dict[str, object]]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url, data=body, headers=headers) as response,
        ):
            text = await response.read()
            return response.status, msgspec.json.decode(text)

    async def answer_to_head(self, head: str) -> bytes:
        """The status of the answer to a request whose body is not sent yet."""
        port = int(self.url.rpartition(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{head}\r\n\r\n".encode())
        status = await asyncio.wait_for(reader.readline(), PATIENCE_S)
        writer.close()
        return status.split()[1]

    async def says(self, line: str) -> list[str]:
        """What it printed until all words of this line were there: some servers print too, from
        another thread, and between the words."""
        lines: list[str] = []
        while not all(word in " ".join(lines) for word in line.split()):
            read = await asyncio.wait_for(self._output.readline(), PATIENCE_S)
            assert read, f"it ended, having said {lines}"
            lines.append(read.decode().strip())
        return lines


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
    raise AssertionError("the example ended")


@asynccontextmanager
async def running(framework: str, folder: Path) -> AsyncIterator[Example]:
    file = EXAMPLES / framework / "app.py"
    told = re.match(r'""".*?: (.*?)"""', file.read_text())
    assert told is not None
    port, queue = free_port(), folder / "queue.db"
    command = told[1].replace("9000", str(port)).replace("examples/receivers", str(EXAMPLES))
    program, *arguments = shlex.split(command)
    with (folder / "stderr").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).parent / program), *arguments),
            env={**os.environ, "SECRET": SECRET, "QUEUE": str(queue)},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            cwd=folder,
        )
    assert process.stdout is not None
    try:
        await _listening(port, process)
        yield Example(f"http://127.0.0.1:{port}/webhook", queue, process.stdout)
    finally:
        process.terminate()
        await process.wait()


FRAMEWORKS = sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir())


@pytest.fixture(params=FRAMEWORKS)
async def example(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Example]:
    async with running(request.param, tmp_path) as example:
        yield example


async def test_a_signed_event_is_handled_once_however_often_it_comes(example: Example) -> None:
    body = body_of(1)
    first = await example.post(body, signed(1, body))
    again = await example.post(body, signed(1, body))
    assert first == (200, {"received": True, "duplicate": False})
    assert again == (200, {"received": True, "duplicate": True})
    await example.post(body_of(2), signed(2, body_of(2)))
    lines = await example.says("call.ended call_2 sold")
    assert lines.count("call.ended call_1 sold") <= 1
    async with opened_queue(f"sqlite:{example.queue}") as queue, asyncio.timeout(PATIENCE_S):
        while await queue.depth() != Depth(0, 0):
            await asyncio.sleep(0.02)


async def test_what_is_not_signed_right_or_in_time_gets_401_and_is_not_kept(
    example: Example,
) -> None:
    body = body_of(1)
    for headers in ({}, signed(1, body + b" "), signed(1, body, age_s=3600)):
        status, problem = await example.post(body, headers)
        assert (status, problem["code"]) == (401, "invalid_signature")
    async with opened_queue(f"sqlite:{example.queue}") as queue:
        assert await queue.depth() == Depth(0, 0)


async def test_what_is_too_large_or_no_post_is_refused(example: Example) -> None:
    head = f"POST /webhook HTTP/1.1\r\nhost: localhost\r\ncontent-length: {MAX_BODY_BYTES + 1}"
    assert await example.answer_to_head(head) == b"413"
    assert (await example.post(b"", {}, "PUT"))[0] == 405


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_what_an_earlier_process_left_is_handled_by_the_next(
    tmp_path: Path, framework: str
) -> None:
    event = Event(id="evt_9", type="message.received", key="call_9")
    async with opened_queue(f"sqlite:{tmp_path / 'queue.db'}") as queue:
        await queue.commit("before", [Arrival(event.id, event.key, stored_body(event))], [])
    async with running(framework, tmp_path) as example:
        await example.says("message.received call_9")
