import os
from pathlib import Path

from offhook.receiver import Event, Receiver
from offhook.receiver.sqlite import SqliteQueue


async def handle(event: Event) -> None:
    print(event.type, event.key, event.sequence, flush=True)


app = Receiver(handle, os.environ["SECRET"], SqliteQueue(Path("queue.db")), path="/webhook")
