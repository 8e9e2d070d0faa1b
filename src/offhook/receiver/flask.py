"""The receiver in Flask."""

from typing import Final

from flask import Blueprint, Response, request

from offhook.receiver.threaded import ThreadedReceiver
from offhook.receiver.wsgi import called_url
from offhook.signing import SignedRequest

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def webhook_blueprint(receiver: ThreadedReceiver, name: str = "webhooks") -> Blueprint:
    """A blueprint that takes webhooks at the receiver's path.

    ``app.register_blueprint(webhook_blueprint(receiver))``, with a prefix if you like.
    """

    def take() -> Response:
        headers = {field.lower(): value for field, value in request.headers}
        answer = receiver.receiver.refusal(request.method, headers)
        if answer is None:
            body = request.stream.read(receiver.receiver.max_body_bytes + 1)
            path = request.script_root + request.path
            url = called_url(request.scheme, request.host, path, request.environ)
            answer = receiver.receive(SignedRequest(headers, body, url, request.method))
        return Response(answer.body, answer.status, dict(answer.headers))

    blueprint = Blueprint(name, __name__)
    blueprint.add_url_rule(
        receiver.receiver.path, "take", take, methods=_METHODS, provide_automatic_options=False
    )
    return blueprint
