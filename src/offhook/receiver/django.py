"""The receiver in Django."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from offhook.receiver.threaded import ThreadedReceiver
from offhook.receiver.wsgi import called_url
from offhook.signing import SignedRequest

View = Callable[[HttpRequest], HttpResponse]


def webhook_view(receiver: ThreadedReceiver) -> View:
    """A view that takes webhooks: ``path("webhook", webhook_view(receiver))``.

    It is exempt from the check against forged requests (CSRF): the signature says who sent it.
    """

    def take(request: HttpRequest) -> HttpResponse:
        method = request.method or ""
        headers = {field.lower(): value for field, value in request.headers.items()}
        answer = receiver.receiver.refusal(method, headers)
        if answer is None:
            body = request.read(receiver.receiver.max_body_bytes + 1)
            url = called_url(request.scheme or "", request.get_host(), request.path, request.META)
            answer = receiver.receive(SignedRequest(headers, body, url, method))
        return HttpResponse(answer.body, status=answer.status, headers=answer.headers)

    exempt: View = csrf_exempt(take)
    return exempt
