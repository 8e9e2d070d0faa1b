"""A receiver in FastAPI: uvicorn --app-dir examples/receivers/fastapi --port 9000 app:app"""

import os
from pathlib import Path

from fastapi import FastAPI

from offhook.receiver import Event, Receiver
from offhook.receiver.fastapi import webhook_router
from offhook.receiver.sqlite import SqliteQueue


async def update_crm(event: Event) -> None:
    print(event.type, event.key, event.text("disposition") or "-", flush=True)


async def note(event: Event) -> None:
    print(event.type, event.key, flush=True)


receiver = Receiver(
    {"call.ended": update_crm, "*": note},
    os.environ["SECRET"],
    SqliteQueue(Path(os.environ.get("QUEUE", "queue.db"))),
)
app = FastAPI()
app.include_router(webhook_router(receiver))
