"""The downstream effect of an event: a page that is looked at until it shows there."""

from dataclasses import dataclass
from typing import Final

import aiohttp

from offhook.integrations.posting import Sleep, what_failed

_EVERY_S: Final = 0.25
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_READ_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Expectation:
    """The page of ``url`` is to hold ``text``. Both may name ``{event_id}``, ``{key}`` and
    ``{marker}``."""

    url: str
    text: str = "{marker}"

    def filled(self, names: dict[str, str]) -> "Expectation":
        """With the values in place of the names; whatever else stands in braces stays."""
        url, text = self.url, self.text
        for name, value in names.items():
            url, text = url.replace(f"{{{name}}}", value), text.replace(f"{{{name}}}", value)
        return Expectation(url, text)


class Watch:
    """Looks at a page every quarter of a second. ``seen`` tells what it was like the last time."""

    def __init__(self, session: aiohttp.ClientSession, expected: Expectation, sleep: Sleep) -> None:
        self._session = session
        self._expected = expected
        self._sleep = sleep
        self.seen = "it gave no answer in time"

    async def until_shown(self) -> None:
        """Return once the page answers 2xx and holds the text."""
        while not await self._shows():
            await self._sleep(_EVERY_S)

    async def _shows(self) -> bool:
        try:
            async with self._session.get(self._expected.url, timeout=_TIMEOUT) as answer:
                page = await _read(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            self.seen = f"it gave no answer: {what_failed(error)}"
            return False
        if not 200 <= answer.status < 300:
            self.seen = f"it answered {answer.status}"
            return False
        self.seen = f"it answered {answer.status} without {self._expected.text!r}"
        return self._expected.text in page


async def _read(answer: aiohttp.ClientResponse) -> str:
    page = b""
    async for piece in answer.content.iter_any():
        page += piece
        if len(page) >= _READ_BYTES:
            break
    return page.decode(errors="replace")
