"""The yardstick for ingest: the same server, but facts are answered without being stored."""

from collections.abc import Sequence
from unittest.mock import patch

from offhook import cli
from offhook.log.appender import Appender
from offhook.log.entries import Appended, AppendOutcome, Submission
from offhook.model.event import EventRef
from offhook.model.ids import EventId


class AnsweringAppender(Appender):
    """Says of every fact that it is in the log, and forgets it."""

    async def submit(self, submissions: Sequence[Submission]) -> list[AppendOutcome]:
        """One made-up event for each fact."""
        return [Appended(_made_up(submission)) for submission in submissions]


def _made_up(submission: Submission) -> EventRef:
    return EventRef(
        EventId("evt_0198f3c2a7d100000000"), "call.updated", submission.key or "call_", 1
    )


if __name__ == "__main__":
    with patch("offhook.app.Appender", AnsweringAppender):
        cli.main()
