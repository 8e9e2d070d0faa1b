"""A receiver in Flask: flask --app examples/receivers/flask/app.py run --port 9000"""

import os
from pathlib import Path

from flask import Flask

from offhook.receiver import Event, Receiver, ThreadedReceiver
from offhook.receiver.flask import webhook_blueprint
from offhook.receiver.sqlite import SqliteQueue


def update_crm(event: Event) -> None:
    print(event.type, event.key, event.text("disposition") or "-", flush=True)


def note(event: Event) -> None:
    print(event.type, event.key, flush=True)


receiver = ThreadedReceiver(
    Receiver(
        {"call.ended": update_crm, "*": note},
        os.environ["SECRET"],
        SqliteQueue(Path(os.environ.get("QUEUE", "queue.db"))),
    )
)
app = Flask(__name__)
app.register_blueprint(webhook_blueprint(receiver))
receiver.start()
