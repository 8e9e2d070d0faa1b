"""Ready means that every service runs and that the store takes writes."""

import asyncio

from offhook.app import missing
from offhook.log.running import Runner
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock


class Idle:
    """A service with nothing to do."""

    name = "idle"

    async def run_once(self) -> float:
        return 60.0

    def recover(self) -> None:
        pass

    async def stop(self) -> None:
        pass


async def test_ready_with_all_services_running_and_a_store_that_takes_writes() -> None:
    store = open_sqlite(None, clock=FakeClock())
    wake = asyncio.Event()
    runner = Runner(Idle(), wake)
    assert await missing(store.keys, [runner]) == "idle ended"
    runner.start()
    assert await missing(store.keys, [runner]) is None
    await runner.stop()
    assert await missing(store.keys, [runner]) == "idle ended"
    await store.close()


class FullDisk:
    """A store whose writes fail."""

    async def put_account(self, *_: object) -> None:
        raise OSError("no space left")


async def test_not_ready_while_the_store_takes_no_writes() -> None:
    assert await missing(FullDisk(), []) == "the store takes no writes (OSError)"  # type: ignore[arg-type]
