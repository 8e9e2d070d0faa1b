"""Calls that come in: menu, queue, agent, what is said afterwards."""

from datetime import timedelta
from enum import Enum
from random import Random
from typing import Final

from offhook.testing.simulation import afterwards, shapes
from offhook.testing.simulation.cast import Cast
from offhook.testing.simulation.story import Json, Story, rfc3339, seconds_between


class Fate(Enum):
    """What becomes of an inbound call."""

    ANSWERED = "answered"
    GAVE_UP_IN_IVR = "gave up in the menu"
    GAVE_UP_IN_QUEUE = "gave up in the queue"
    FAILED = "failed"


FATES: Final = {
    Fate.ANSWERED: 0.815,
    Fate.GAVE_UP_IN_IVR: 0.177 / 3,
    Fate.GAVE_UP_IN_QUEUE: 0.177 * 2 / 3,
    Fate.FAILED: 0.008,
}
"""Of the bank's calls, and of its callers who gave up a third in the menu."""

_QUEUES: Final = {"service": 0.68, "new_customers": 0.23, "billing": 0.06, "technical": 0.03}
_FAILURES: Final = {503: 0.6, 500: 0.25, 404: 0.15}
_CAUSES: Final = {503: "carrier", 500: "carrier", 404: "no_route"}
_FROM_THE_WEB: Final = 0.45
_WITHHELD: Final = 0.03
_TRANSFERRED: Final = 0.06


def tell(rnd: Random, cast: Cast, story: Story) -> None:
    """One inbound call, from the offer to the last thing said of it."""
    started_at = story.now
    story.say("call.started", **_offer(rnd, cast), started_at=rfc3339(started_at))
    match shapes.draw(rnd, FATES):
        case Fate.ANSWERED:
            _answered(rnd, cast, story)
        case Fate.GAVE_UP_IN_IVR:
            menu_s = shapes.ivr_s(rnd)
            story.wait(menu_s)
            _gives_up(story, "abandoned_ivr", ivr_s=menu_s)
        case Fate.GAVE_UP_IN_QUEUE:
            _through_the_menu(rnd, story)
            waited_s = shapes.patience_s(rnd)
            story.wait(waited_s)
            _gives_up(story, "abandoned_queue", wait_s=waited_s)
        case Fate.FAILED:
            _fails(rnd, story)


def _offer(rnd: Random, cast: Cast) -> dict[str, Json]:
    contact, ours = cast.contact(), cast.our_number()
    offer: dict[str, Json] = {
        "direction": "inbound",
        "dialed_number": ours.number,
        "campaign_id": ours.campaign_id,
    }
    if rnd.random() < _WITHHELD:
        return offer | {"caller_withheld": True, "caller_raw": "anonymous"}
    offer |= {"caller_id": contact.number, "caller_name": contact.name}
    if rnd.random() < _FROM_THE_WEB:
        offer["visitor"] = {**cast.visitor(ours.campaign_id)}
    return offer


def _through_the_menu(rnd: Random, story: Story) -> None:
    menu_s = shapes.ivr_s(rnd)
    story.wait(menu_s)
    story.say("call.queued", queue=shapes.draw(rnd, _QUEUES), ivr_s=menu_s)


def _answered(rnd: Random, cast: Cast, story: Story) -> None:
    started_at = story.now
    _through_the_menu(rnd, story)
    waited_s, rang_s, talked_s = shapes.wait_s(rnd), shapes.ring_s(rnd), shapes.talk_s(rnd)
    story.wait(waited_s)
    answered_at = story.now + timedelta(seconds=rang_s)
    ended_at = answered_at + timedelta(seconds=talked_s)
    agent = cast.roster.take(story.now, ended_at)
    story.say("call.ringing", agent_id=agent, wait_s=waited_s)
    story.wait(rang_s)
    story.say(
        "call.answered",
        agent_id=agent,
        answered_by="human",
        answered_at=rfc3339(answered_at),
        ring_s=rang_s,
    )
    if rnd.random() < _TRANSFERRED:
        _transferred(rnd, cast, story, talked_s)
    story.now = ended_at
    duration_s = seconds_between(started_at, ended_at)
    afterwards.hang_up(rnd, story, talk_s=talked_s, duration_s=duration_s)
    afterwards.follow_up(rnd, story)


def _transferred(rnd: Random, cast: Cast, story: Story, talked_s: float) -> None:
    ended_at = story.now + timedelta(seconds=talked_s)
    story.wait(round(talked_s * rnd.uniform(0.2, 0.8), 1))
    story.say("call.transferred", agent_id=cast.roster.take(story.now, ended_at))


def _gives_up(story: Story, reason: str, **waited: float) -> None:
    seconds: dict[str, Json] = {**waited}
    story.say("call.abandoned", missed_reason=reason, **seconds)
    story.say("call.ended", ended_at=rfc3339(story.now), hangup_by="caller")


def _fails(rnd: Random, story: Story) -> None:
    story.wait(round(rnd.uniform(0.1, 3), 1))
    code = shapes.draw(rnd, _FAILURES)
    story.say("call.failed", failure=_CAUSES[code], sip_code=code)
    story.say("call.ended", ended_at=rfc3339(story.now), sip_code=code)
