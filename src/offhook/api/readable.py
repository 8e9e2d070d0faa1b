"""Before every route: what no store could be asked by is refused once, for all of them."""

from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from offhook.api.problems import problem_of, respond
from offhook.model.errors import FieldError, Invalid, NotFound, OffhookError

_NUL = "\x00"


class Readable:
    """ASGI middleware that keeps the character U+0000 out of paths and queries, as bodies are kept
    free of it: PostgreSQL takes no text with it, and nothing has a name with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        refusal = _refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await respond(problem_of(refusal))(scope, receive, send)


def _refusal(scope: Scope) -> OffhookError | None:
    if _NUL in scope["path"]:
        return NotFound(
            "There is nothing at a path with the character U+0000; remove it.",
            FieldError("path", "contains the character U+0000"),
        )
    query: bytes = scope["query_string"]
    return _nul_in_query(query) if b"%00" in query or b"\x00" in query else None


def _nul_in_query(query: bytes) -> OffhookError | None:
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if _NUL in name + value:
            path = "query" if _NUL in name else f"query.{name[:100]}"
            return Invalid(
                f"{path} contains the character U+0000, which nothing here has; remove it.",
                FieldError(path, "contains the character U+0000"),
            )
    return None
