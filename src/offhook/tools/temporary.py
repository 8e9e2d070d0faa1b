"""The webhooks that self-tests make for a moment; who finds one left behind takes it away."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from offhook.model.errors import Invalid
from offhook.tools.probe import Registered
from offhook.tools.server import Server, ServerRefused

_ELSEWHERE: Final = (
    "Or let the server reach the receiver by a public address: --listen HOST:PORT, and "
    "--public-url with the URL that leads there."
)


class _Page(msgspec.Struct, frozen=True):
    data: list[Registered]
    next_cursor: str | None = None


async def make_webhook(server: Server, document: Mapping[str, object]) -> Registered:
    """Make one; where the server may not send to its URL, the error says what helps."""
    try:
        return await server.ask_for(Registered, "POST", "/v1/webhooks", document)
    except ServerRefused as refused:
        if any(each.path == "body.url" for each in refused.errors):
            raise Invalid(f"{refused.detail} {_ELSEWHERE}") from None
        raise


async def find_webhooks(server: Server, wanted: Callable[[Registered], bool]) -> list[Registered]:
    """Those of the account that are wanted."""
    return [each async for each in _all(server) if wanted(each)]


async def remove_webhooks(server: Server, webhooks: Iterable[Registered]) -> None:
    """Take them away; that one is gone already is no fault."""
    for each in webhooks:
        try:
            await server.ask("DELETE", f"/v1/webhooks/{each.id}")
        except ServerRefused as refused:
            if refused.status != 404:
                raise


async def _all(server: Server) -> AsyncIterator[Registered]:
    cursor: str | None = ""
    while cursor is not None:
        after = f"&cursor={quote(cursor)}" if cursor else ""
        page = await server.ask_for(_Page, "GET", f"/v1/webhooks?limit=200{after}")
        for each in page.data:
            yield each
        cursor = page.next_cursor
