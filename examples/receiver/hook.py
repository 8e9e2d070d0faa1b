import os
from pathlib import Path

from offhook.receiver import Event, Receiver, SqliteInbox


async def handle(event: Event) -> None:
    print(event.type, event.key, event.sequence, flush=True)


app = Receiver(handle, os.environ["SECRET"], SqliteInbox(Path("inbox.db")), path="/webhook")
