"""How exceptions become answers: the one handler that the application installs."""

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from offhook.api.problems import MethodNotAllowed, headers_of, problem_of, respond
from offhook.api.validation import invalid
from offhook.model.errors import NotFound, OffhookError, Unreadable

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

ANSWERED = (OffhookError, RequestValidationError, HTTPException)
"""The exceptions that ``answer`` is for; any other is a fault of ours."""


async def answer(request: Request, error: Exception) -> Response:
    """The problem that an expected exception stands for."""
    refusal = _refusal(request, error)
    return respond(problem_of(refusal), headers_of(refusal))


def _refusal(request: Request, error: Exception) -> OffhookError:
    match error:
        case OffhookError():
            return error
        case RequestValidationError():
            return invalid(error.errors())
        case HTTPException():
            return _framework_refusal(request, error)
        case _:
            raise error


def _framework_refusal(request: Request, error: HTTPException) -> OffhookError:
    path = request.url.path[:200]
    if error.status_code == 404:
        return NotFound(f"There is nothing at {path}; /docs lists what there is.")
    if error.status_code == 405:
        return MethodNotAllowed(path, request.method, ", ".join(_methods(request)))
    return Unreadable(f"The request cannot be parsed: {error.detail}.")


def _methods(request: Request) -> list[str]:
    """The methods that some route of this path takes."""
    routes = request.app.routes
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    ]
