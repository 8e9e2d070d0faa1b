"""Whether a contact called before: the calls in the database and those of the batch at hand."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
        self._starts: defaultdict[tuple[AccountId, str], list[tuple[int, str]]] = defaultdict(list)
        self._noted: set[tuple[AccountId, str, Contact]] = set()
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
        """The call may begin at another time now, or be another contact's."""
        call = head.call
        if not self._asked or call is None or call.data.contact_number is None:
            return
        contact = contact_of(call)
        if (head.account, head.key, contact) not in self._noted:
            self._noted.add((head.account, head.key, contact))
            starts = self._starts[head.account, call.data.contact_number]
            insort(starts, (contact.started_ms, head.key))

    def about(self, submission: Submission) -> tuple[bool | None, tuple[str, ...]]:
        """Whether a call of the same contact began in the 30 days before, and the calls in the 30
        days after that do not count as repeats yet; (``None``, ()) where nothing was asked."""
        question = self._asked.get(id(submission))
        if question is None:
            return None, ()
        repeat, later = self._found[question]
        began = question.started_ms
        before = self._others(submission, question, began - REPEAT_WINDOW_MS, began)
        after = self._others(submission, question, began + 1, began + REPEAT_WINDOW_MS + 1)
        firsts = [key for key, contact in after if contact.repeat_caller is False]
        return repeat or any(True for _ in before), tuple(dict.fromkeys((*later, *firsts)))

    def _others(
        self, submission: Submission, question: _Question, since_ms: int, until_ms: int
    ) -> Iterator[tuple[str, Contact]]:
        """The batch's other calls of the contact that begin in the time, as they are now: an entry
        may be of what the call was before."""
        starts = self._starts[question.account, question.number]
        for place in range(bisect_left(starts, (since_ms, "")), len(starts)):
            started_ms, key = starts[place]
            if started_ms >= until_ms:
                return
            call = self._heads[question.account, key].call
            contact = None if call is None or key == submission.key else contact_of(call)
            if contact is not None and contact[:4] == (started_ms, question.number, False, False):
                yield key, contact

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
