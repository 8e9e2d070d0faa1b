"""A receiver in Django: python examples/receivers/django/app.py runserver --noreload 9000"""

import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.urls import path

from offhook.receiver import Event, Receiver, ThreadedReceiver
from offhook.receiver.django import webhook_view
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
urlpatterns = [path("webhook", webhook_view(receiver))]

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1", "localhost"])
application = get_wsgi_application()
receiver.start()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
