"""Who takes part in a simulated day: contacts, our numbers with their campaigns, agents."""

import heapq
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from offhook.testing.simulation import shapes

_AREA_CODES: Final = (
    *(205, 602, 213, 415, 619, 303, 203, 202, 305, 404, 808, 312, 317, 515, 316, 502, 504),
    *(207, 410, 617, 313, 612, 601, 314, 406, 402, 702, 603, 201, 505, 212, 919, 701, 216),
    *(405, 503, 215, 401, 803, 605, 615, 214, 713, 801, 802, 804, 206, 304, 414, 307),
)
_CONTACT_LINES: Final = 8_000
_OUR_NUMBERS: Final = 24
_CONTACTS_PER_DAILY_CALL: Final = 3.4
_KNOWN_SHARE: Final = 0.41

_FIRST_NAMES: Final = ("Ada", "Ben", "Cora", "Dean", "Elena", "Farid", "Grace", "Hugo", "Ivy")
_LAST_NAMES: Final = ("Abbott", "Brooks", "Castillo", "Doyle", "Ellis", "Foster", "Gupta", "Hale")
_CAMPAIGNS: Final = ("home_solar", "auto_quote", "roofing", "medicare", "legal_help", "moving")
_UTM_SOURCES: Final = {"google": 0.6, "bing": 0.12, "facebook": 0.2, "newsletter": 0.08}


@dataclass(frozen=True, slots=True)
class Contact:
    """The outside party of a call."""

    number: str
    name: str


@dataclass(frozen=True, slots=True)
class OurNumber:
    """A number of ours and the campaign that it is advertised for."""

    number: str
    campaign_id: str


class Roster:
    """The agents. No agent is ever in two calls at once: who is not free is not chosen."""

    def __init__(self) -> None:
        self._free: list[tuple[datetime, str]] = []

    def take(self, at: datetime, until: datetime) -> str:
        """The agent who has been free longest at ``at``, busy from now to ``until``; a new one
        when all are busy."""
        if self._free and self._free[0][0] <= at:
            _, agent = self._free[0]
            heapq.heapreplace(self._free, (until, agent))
            return agent
        agent = f"agent_{len(self._free) + 1:03}"
        heapq.heappush(self._free, (until, agent))
        return agent


class Cast:
    """Everybody in one day of ``calls`` calls. Phone numbers are valid US numbers in exchange 555,
    which belongs to no subscriber: nobody is called by mistake. They repeat after 400,000 contacts.
    """

    def __init__(self, rnd: Random, calls: int) -> None:
        self._rnd = rnd
        self._known = max(1, round(calls * _CONTACTS_PER_DAILY_CALL))
        self._strangers = 0
        self._numbers = tuple(_our_number(index) for index in range(_OUR_NUMBERS))
        self.roster = Roster()

    def contact(self) -> Contact:
        """Whoever calls next: a known contact, who may well have called today, or a stranger."""
        if self._rnd.random() < _KNOWN_SHARE:
            return _contact(shapes.known_contact(self._rnd, self._known))
        self._strangers += 1
        return _contact(self._known + self._strangers)

    def our_number(self) -> OurNumber:
        """One of our numbers."""
        return self._rnd.choice(self._numbers)

    def visitor(self, campaign_id: str) -> dict[str, str]:
        """The web session that led to a call for a campaign."""
        source = shapes.draw(self._rnd, _UTM_SOURCES)
        visitor = {
            "session_id": f"{self._rnd.getrandbits(64):016x}",
            "utm_source": source,
            "utm_medium": "email" if source == "newsletter" else "cpc",
            "utm_campaign": campaign_id,
            "landing_page": f"https://www.example.com/{campaign_id}?utm_source={source}",
        }
        if source == "google":
            visitor["gclid"] = f"Cj0KCQ{self._rnd.getrandbits(96):024x}"
        return visitor


def _contact(index: int) -> Contact:
    area = _AREA_CODES[index % len(_AREA_CODES)]
    # A multiplier coprime to the number of lines visits each line once, in no visible order.
    line = 2_000 + index // len(_AREA_CODES) * 7_919 % _CONTACT_LINES
    first = _FIRST_NAMES[index % len(_FIRST_NAMES)]
    last = _LAST_NAMES[index % len(_LAST_NAMES)]
    return Contact(f"+1{area}555{line:04}", f"{first} {last}")


def _our_number(index: int) -> OurNumber:
    area = _AREA_CODES[index * 2 % len(_AREA_CODES)]
    return OurNumber(f"+1{area}5550{100 + index}", f"cmp_{_CAMPAIGNS[index % len(_CAMPAIGNS)]}")
