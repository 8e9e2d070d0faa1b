"""The end of a call in which two people talked, and what comes after it."""

from random import Random
from typing import Final

from offhook.testing.simulation import shapes
from offhook.testing.simulation.story import Story, rfc3339

_DISPOSITIONS: Final = {
    "SALE": 0.18,
    "CALLBACK": 0.14,
    "NOT_INTERESTED": 0.2,
    "SERVICE_DONE": 0.4,
    "WRONG_NUMBER": 0.03,
    "COMPLAINT": 0.05,
}
_DISPOSED: Final = 0.9
_REVISED: Final = 0.03
_RECORDED: Final = 0.85
_TAGGED: Final = 0.12
_TAGS: Final = ("vip", "spanish", "escalated", "callback_promised", "price_question")


def hang_up(rnd: Random, story: Story, *, talk_s: float, duration_s: float) -> None:
    """The call is over; the caller hangs up first two times in three."""
    story.say(
        "call.ended",
        ended_at=rfc3339(story.now),
        talk_s=talk_s,
        billable_s=talk_s,
        duration_s=duration_s,
        hangup_by="caller" if rnd.random() < 2 / 3 else "agent",
        hangup_cause="normal_clearing",
        sip_code=200,
    )


def follow_up(rnd: Random, story: Story) -> None:
    """Disposition, tags, money and recording, each with its share."""
    if rnd.random() < _DISPOSED:
        _disposition(rnd, story)
    if rnd.random() < _TAGGED:
        story.wait(1)
        story.say("call.updated", tags=[rnd.choice(_TAGS)])
    if rnd.random() < _RECORDED:
        story.wait(round(rnd.uniform(5, 60), 1))
        recording = f"https://recordings.example.com/{rnd.getrandbits(64):016x}.mp3"
        story.say("call.recording_received", recording_urls=[recording])


def _disposition(rnd: Random, story: Story) -> None:
    wrap_s = shapes.wrap_s(rnd)
    story.wait(wrap_s)
    code = shapes.draw(rnd, _DISPOSITIONS)
    story.say("call.disposition_set", disposition={"code": code}, wrap_s=wrap_s)
    if code == "SALE":
        revenue = f"{rnd.randrange(20, 180)}.00"
        story.wait(0.5)
        story.say("call.updated", revenue=revenue, currency="USD", converted=True)
    if rnd.random() < _REVISED:
        story.wait(round(rnd.uniform(20, 300), 1))
        revised = {"code": "CALLBACK", "note": "asked to be called again"}
        story.say("call.disposition_modified", disposition={**revised})
