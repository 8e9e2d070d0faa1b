"""``offhook trigger``: an event of a type happens, as a test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import msgspec

from offhook.clock import Clock
from offhook.model.catalogue import canonical, postable, read_pattern
from offhook.model.errors import Forbidden, Invalid
from offhook.tools.sample import sample_items
from offhook.tools.server import Server, check_server, check_test_key

_BUTTON: Final = (
    "--webhook ID sends the example to one webhook, and writes nothing to the log "
    "(POST /v1/webhooks/{id}/test)"
)


@dataclass(frozen=True, slots=True)
class TriggerOptions:
    """What is to happen, on which server."""

    url: str
    key: str | None
    type: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Posted(msgspec.Struct, frozen=True):
    """The event that carries what was posted."""

    id: str
    type: str
    key: str
    sequence: int
    changed: bool = True


class Tested(msgspec.Struct, frozen=True):
    """What a webhook answered to its test."""

    event_id: str
    event_type: str
    accepted: bool
    status: int | None
    error: str | None
    duration_ms: float
    response: str | None


def read_overrides(text: str | None) -> Mapping[str, Any]:
    """The value of ``--data``: a JSON object, or ``@`` and the name of a file with one."""
    if text is None:
        return {}
    raw = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            f"--data is no JSON object: {error}; write fields of data such as "
            '\'{"caller_id": "+12145550123"}\', or @ and the name of a file with them.'
        ) from None


async def trigger(options: TriggerOptions, *, clock: Clock, marker: str) -> Posted:
    """Post the example of the type, with the given fields in place of its own.

    ``marker`` makes a call a new one. Raises ``Invalid`` for a type that there is none of and for a
    key whose events are live, ``Forbidden`` for a type that Offhook alone says, ``Unreachable`` and
    ``ServerRefused``.
    """
    try:
        type_ = postable(options.type, "TYPE")
    except Forbidden:
        raise Forbidden(
            f"{canonical(options.type)} is said by Offhook alone and cannot be posted; {_BUTTON}."
        ) from None
    key = check_server(options.url, options.key)
    check_test_key(key, _BUTTON)
    items = sample_items(type_, options.data, marker=marker, now=clock.now())
    async with aiohttp.ClientSession() as session:
        return await post_in_turn(Server(session, options.url, key), items)


async def press_button(options: TriggerOptions, webhook: str) -> Tested:
    """Send the example of the type to one webhook now. Raises as ``trigger`` does."""
    if options.data:
        raise Invalid("--webhook sends the example as it stands; leave --data out.")
    type_ = read_pattern(options.type, "TYPE")
    key = check_server(options.url, options.key)
    async with aiohttp.ClientSession() as session:
        server = Server(session, options.url, key)
        path = f"/v1/webhooks/{quote(webhook, safe='')}/test"
        return await server.ask_for(Tested, "POST", path, {"type": type_})


async def post_in_turn(server: Server, items: list[dict[str, Any]]) -> Posted:
    """Post events one after another; what the server said of the last."""
    *before, last = items
    for item in before:
        await server.ask("POST", "/v1/events", item)
    return await server.ask_for(Posted, "POST", "/v1/events", last)


def deliveries_path(event_id: str) -> str:
    """Where on a server the deliveries of an event are."""
    return f"/v1/events/{event_id}/deliveries"


def posted_text(posted: Posted, type_: str, url: str) -> str:
    """What happened, and how to see where it went."""
    at = url.rstrip("/") + deliveries_path(posted.id)
    lines = [f"{posted.type} {posted.id} happened, as a test (key {posted.key})."]
    if not posted.changed or posted.type != (canonical(type_) or type_):
        lines = [f"Nothing new: {posted.key} was told so before, by {posted.type} {posted.id}."]
    lines += [
        'It goes to webhooks that have "test": true. Where it went:',
        f'  curl -H "Authorization: Bearer $OFFHOOK_KEY" {at}',
    ]
    return "\n".join(lines)


def posted_json(posted: Posted, url: str) -> str:
    """The same for programs."""
    told = {"deliveries_url": url.rstrip("/") + deliveries_path(posted.id), "test": True}
    return msgspec.json.encode({**msgspec.structs.asdict(posted), **told}).decode()


def tested_text(tested: Tested) -> str:
    """What the webhook answered."""
    came = tested.status if tested.error is None else tested.error
    verdict = "accepted" if tested.accepted else "refused"
    return (
        f"{tested.event_type} {tested.event_id}: {verdict}, {came}, in {tested.duration_ms:.0f} ms"
    )


def tested_json(tested: Tested) -> str:
    """The same for programs."""
    return msgspec.json.encode(tested).decode()
