"""A URL is verified as its sender wrote it, to the letter, in every framework: by Twilio's SDK."""

import asyncio
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
import uvicorn
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from fastapi import FastAPI
from flask import Flask
from twilio.request_validator import RequestValidator
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.serving import make_server
from werkzeug.test import Client

from offhook.receiver import Receiver, ThreadedReceiver
from offhook.receiver.django import webhook_view
from offhook.receiver.fastapi import webhook_router
from offhook.receiver.flask import webhook_blueprint
from offhook.receiver.sqlite import SqliteQueue
from offhook.receiver.wsgi import called_url

TOKEN = "a token of Twilio"
FIELDS = {"CallSid": "CA1", "From": "+12145550123", "CallerName": "Jürgen"}
QUERIES = (
    "",
    "?cb=https%3A%2F%2Fcrm.example.com%2Fin%3Fa%3Db",
    "?name=J%C3%BCrgen",
    "?t=10%3A30&u=10:30",
    "?a=1+2&b=%20&c=&d",
    "?e=a|b&f={x}&g=%7Bx%7d",
)


class Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def flask_app(receiver: ThreadedReceiver) -> Flask:
    app = Flask(__name__)
    app.register_blueprint(webhook_blueprint(receiver))
    return app


def django_app(receiver: ThreadedReceiver) -> WSGIApplication:
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"])
    view = webhook_view(receiver)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        response = view(WSGIRequest(environ))
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items()])
        return [response.content]

    return app


@contextmanager
def wsgiref_of(app: WSGIApplication) -> Iterator[int]:
    """A server that says nothing of the raw path."""
    server = WSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(app)
    with in_thread(server.serve_forever, server.shutdown):
        yield server.server_port
    server.server_close()


@contextmanager
def werkzeug_of(app: WSGIApplication) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app)
    with in_thread(server.serve_forever, server.shutdown):
        yield server.port


@contextmanager
def uvicorn_of(app: Any) -> Iterator[int]:
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))

    def stop() -> None:
        server.should_exit = True

    with in_thread(lambda: asyncio.run(server.serve(sockets=[bound])), stop):
        yield bound.getsockname()[1]


@contextmanager
def in_thread(run: Callable[[], object], stop: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(60)


@contextmanager
def served(framework: str, receiver: Receiver) -> Iterator[int]:
    name, _, server = framework.partition(" on ")
    if server == "uvicorn":
        app: Any = receiver
        if name == "fastapi":
            app = FastAPI()
            app.include_router(webhook_router(receiver))
        with uvicorn_of(app) as port:
            yield port
        return
    threaded = ThreadedReceiver(receiver)
    wsgi = flask_app(threaded) if name == "flask" else django_app(threaded)
    with (wsgiref_of if server == "wsgiref" else werkzeug_of)(wsgi) as port:
        yield port
    threaded.stop()


@pytest.mark.parametrize(
    "framework",
    [
        *(
            f"{name} on {server}"
            for name in ("flask", "django")
            for server in ("wsgiref", "werkzeug")
        ),
        *(f"{name} on uvicorn" for name in ("fastapi", "bare")),
    ],
)
def test_what_twilio_signed_verifies_whatever_its_url_looks_like(
    framework: str, tmp_path: Path
) -> None:
    receiver = Receiver(print, TOKEN, SqliteQueue(tmp_path / "queue.db"), scheme="twilio")
    with served(framework, receiver) as port:
        statuses = {query: posted(port, f"/webhook{query}") for query in QUERIES}
        forged = posted(port, "/webhook?a=1", signed="/webhook?a=2")
    assert statuses == dict.fromkeys(QUERIES, 200)
    assert forged == 401


def posted(port: int, target: str, signed: str | None = None) -> int:
    url = f"http://127.0.0.1:{port}{signed or target}"
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": RequestValidator(TOKEN).compute_signature(url, FIELDS),
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", target, urlencode(FIELDS), headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_behind_a_proxy_the_url_is_the_public_one(tmp_path: Path) -> None:
    """One that takes a prefix away, of which the raw path knows nothing."""
    receiver = Receiver(print, TOKEN, SqliteQueue(tmp_path / "queue.db"), scheme="twilio")
    threaded = ThreadedReceiver(receiver)
    app = flask_app(threaded)
    proxied = ProxyFix(app.wsgi_app, x_host=1, x_prefix=1)
    url = "https://hooks.example.com/calls/webhook?t=10%3A30"
    headers = {
        "x-forwarded-proto": "https",
        "x-forwarded-host": "hooks.example.com",
        "x-forwarded-prefix": "/calls",
        "x-twilio-signature": RequestValidator(TOKEN).compute_signature(url, FIELDS),
    }
    client = Client(proxied)
    assert client.post("/webhook?t=10%3A30", data=FIELDS, headers=headers).status_code == 200
    threaded.stop()


@pytest.mark.parametrize(
    ("path", "environ", "expected"),
    [
        ("/a b", {"RAW_URI": "/a%20b?x"}, "/a%20b"),
        ("/ä", {"REQUEST_URI": "/%c3%a4"}, "/%c3%a4"),
        ("/ä", {}, "/%C3%A4"),
        ("/p/a", {"RAW_URI": "/a"}, "/p/a"),
        ("/a", {"RAW_URI": "http://x/a", "QUERY_STRING": "b=%2f"}, "/a?b=%2f"),
    ],
)
def test_a_path_is_as_it_was_sent_where_the_server_says_so(
    path: str, environ: dict[str, object], expected: str
) -> None:
    assert called_url("https", "x", path, environ) == f"https://x{expected}"
