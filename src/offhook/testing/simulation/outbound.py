"""Calls that go out: what picks up, if anything does, and the agent who is bridged."""

from datetime import timedelta
from enum import Enum
from random import Random
from typing import Final

from offhook.testing.simulation import afterwards, shapes
from offhook.testing.simulation.cast import Cast
from offhook.testing.simulation.story import Story, rfc3339, seconds_between


class Fate(Enum):
    """What becomes of an outbound call."""

    HUMAN = "a person answered and was connected"
    DROPPED = "a person answered and no agent came"
    MACHINE = "a machine answered"
    NO_ANSWER = "rang out"
    BUSY = "busy"
    FAILED = "never connected"


FATES: Final = {
    Fate.HUMAN: 0.24,
    Fate.DROPPED: 0.005,
    Fate.MACHINE: 0.36,
    Fate.NO_ANSWER: 0.26,
    Fate.BUSY: 0.055,
    Fate.FAILED: 0.08,
}
"""Plausible for consumer dialling in the US; the bank made no such calls."""

_FAILURES: Final = {404: 0.45, 603: 0.2, 487: 0.1, 503: 0.25}
_CAUSES: Final = {404: "invalid_number", 603: "rejected", 487: "canceled", 503: "carrier"}
_LEAVES_MESSAGE: Final = 0.5


def tell(rnd: Random, cast: Cast, story: Story) -> None:
    """One outbound call, from dialling to the last thing said of it."""
    contact, ours = cast.contact(), cast.our_number()
    story.say(
        "call.started",
        direction="outbound",
        caller_id=ours.number,
        dialed_number=contact.number,
        campaign_id=ours.campaign_id,
        started_at=rfc3339(story.now),
    )
    story.wait(round(rnd.uniform(0.8, 4), 1))
    match shapes.draw(rnd, FATES):
        case Fate.HUMAN:
            _talks(rnd, cast, story)
        case Fate.DROPPED:
            _dropped(rnd, story)
        case Fate.MACHINE:
            _machine(rnd, story)
        case Fate.NO_ANSWER:
            story.say("call.ringing")
            story.wait(30)
            _never_connected(story, "no_answer", 480)
        case Fate.BUSY:
            _never_connected(story, "busy", 486)
        case Fate.FAILED:
            code = shapes.draw(rnd, _FAILURES)
            _never_connected(story, _CAUSES[code], code)


def _picks_up(rnd: Random, story: Story, answered_by: str) -> None:
    story.say("call.ringing")
    rang_s = shapes.ring_s(rnd)
    story.wait(rang_s)
    story.say(
        "call.answered",
        answered_by=answered_by,
        answered_at=rfc3339(story.now),
        ring_s=rang_s,
    )


def _talks(rnd: Random, cast: Cast, story: Story) -> None:
    dialled_at = story.steps[0].at
    _picks_up(rnd, story, "human")
    story.wait(round(rnd.uniform(0.2, 1.8), 1))
    talked_s = shapes.talk_s(rnd)
    ended_at = story.now + timedelta(seconds=talked_s)
    agent = cast.roster.take(story.now, ended_at)
    story.say("call.connected", agent_id=agent, agent_connected_at=rfc3339(story.now))
    story.now = ended_at
    duration_s = seconds_between(dialled_at, ended_at)
    afterwards.hang_up(rnd, story, talk_s=talked_s, duration_s=duration_s)
    afterwards.follow_up(rnd, story)


def _dropped(rnd: Random, story: Story) -> None:
    _picks_up(rnd, story, "human")
    story.wait(2)
    story.say("call.abandoned")
    story.say("call.ended", ended_at=rfc3339(story.now), hangup_by="system")


def _machine(rnd: Random, story: Story) -> None:
    _picks_up(rnd, story, "machine")
    story.wait(round(rnd.uniform(2, 5), 1))
    story.say("call.voicemail_detected", answered_by="machine")
    if rnd.random() < _LEAVES_MESSAGE:
        message_s = round(rnd.uniform(12, 35), 1)
        story.wait(message_s)
        story.say("call.voicemail", voicemail={"left": True, "duration_s": message_s})
    story.say("call.ended", ended_at=rfc3339(story.now), hangup_by="system")


def _never_connected(story: Story, failure: str, sip_code: int) -> None:
    story.say("call.failed", failure=failure, sip_code=sip_code)
    story.say("call.ended", ended_at=rfc3339(story.now), sip_code=sip_code)
