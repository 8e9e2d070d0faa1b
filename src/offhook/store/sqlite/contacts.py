"""Whether a contact called before: the calls in the database and those of the batch at hand."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from offhook.log.entries import Submission
from offhook.model.ids import AccountId
from offhook.store.sqlite.connection import Connection, as_json
from offhook.store.sqlite.heads import Contact, Head, Key, contact_of

REPEAT_WINDOW_MS = 30 * 86_400_000

_FOUND = msgspec.json.Decoder(list[tuple[int, list[str]]])


class _Question(NamedTuple):
    account: AccountId
    number: str
    started_ms: int


class Contacts:
    """Answers the probes of one batch.

    The database answers for all calls but those of the batch; these are in memory, where earlier
    facts of the batch may just have changed them.
    """

    def __init__(
        self,
        connection: Connection,
        batch: Sequence[Submission],
        heads: Mapping[Key, Head],
        created_ms: int,
    ) -> None:
        self._heads = heads
        self._created_ms = created_ms
        self._here: defaultdict[tuple[AccountId, str], dict[str, Head]] = defaultdict(dict)
        self._asked: dict[int, _Question] = {
            id(submission): question
            for submission in batch
            if (question := self._question(submission)) is not None
        }
        self._found = self._look_up(connection)
        if self._asked:
            for head in heads.values():
                self.note(head)

    def note(self, head: Head) -> None:
        """The call may be another contact's now."""
        call = head.call
        if self._asked and call is not None and call.data.contact_number is not None:
            self._here[head.account, call.data.contact_number][head.key] = head

    def about(self, submission: Submission) -> tuple[bool | None, tuple[str, ...]]:
        """Whether a call of the same contact began in the 30 days before, and the calls in the 30
        days after that do not count as repeats yet; (``None``, ()) where nothing was asked."""
        question = self._asked.get(id(submission))
        if question is None:
            return None, ()
        repeat, later = self._found[question]
        others = [(key, it) for key, it in self._noted(question) if key != submission.key]
        here = any(_is_before(contact, question.started_ms) for _, contact in others)
        after = [key for key, contact in others if _is_first_after(contact, question.started_ms)]
        return repeat or here, (*later, *after)

    def _question(self, submission: Submission) -> _Question | None:
        """What the probe asks. A start that the fact does not state is the call's, else now."""
        probe = submission.probe
        if probe is None:
            return None
        started_ms = probe.started_ms
        if started_ms is None and submission.key is not None:
            call = self._heads[submission.account, submission.key].call
            started_ms = None if call is None else contact_of(call).started_ms or None
        return _Question(submission.account, probe.contact_number, started_ms or self._created_ms)

    def _look_up(self, connection: Connection) -> dict[_Question, tuple[bool, list[str]]]:
        questions = list(dict.fromkeys(self._asked.values()))
        if not questions:
            return {}
        found = connection.rows(
            "contact_calls",
            _FOUND,
            probes=as_json(questions),
            excluded=as_json(key for _, key in self._heads),
            window_ms=REPEAT_WINDOW_MS,
        )
        return {
            question: (repeat == 1, later)
            for question, (repeat, later) in zip(questions, found, strict=True)
        }

    def _noted(self, question: _Question) -> list[tuple[str, Contact]]:
        contacts = [
            (key, contact_of(head.call))
            for key, head in self._here[question.account, question.number].items()
            if head.call is not None
        ]
        return [
            (key, contact)
            for key, contact in contacts
            if contact.number == question.number and not contact.duplicate and not contact.test
        ]


def _is_before(contact: Contact, started_ms: int) -> bool:
    return started_ms - REPEAT_WINDOW_MS <= contact.started_ms < started_ms


def _is_first_after(contact: Contact, started_ms: int) -> bool:
    after = started_ms < contact.started_ms <= started_ms + REPEAT_WINDOW_MS
    return after and contact.repeat_caller is False
