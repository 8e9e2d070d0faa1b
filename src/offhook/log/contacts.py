"""Whether a contact called before: the calls in the store and those of the batch at hand."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from offhook.log.entries import Submission
from offhook.log.heads import Contact, Head, Key, contact_of
from offhook.model.ids import AccountId

REPEAT_WINDOW_MS = 30 * 86_400_000


class Question(NamedTuple):
    """Which calls a contact made in the 30 days around a moment, and whether before it."""

    account: AccountId
    number: str
    started_ms: int


class Contacts:
    """Answers the probes of one batch.

    The store answers ``questions`` for all calls but those of the batch; these are in memory, where
    earlier facts of the batch may just have changed them.
    """

    def __init__(
        self,
        batch: Sequence[Submission],
        heads: Mapping[Key, Head],
        created_ms: int,
    ) -> None:
        self._heads = heads
        self._created_ms = created_ms
        self._starts: defaultdict[tuple[AccountId, str], list[tuple[int, str]]] = defaultdict(list)
        self._noted: set[tuple[AccountId, str, Contact]] = set()
        self._asked: dict[int, Question] = {
            id(submission): question
            for submission in batch
            if (question := self._question(submission)) is not None
        }
        self._found: dict[Question, tuple[bool, Sequence[str]]] = {}
        if self._asked:
            for head in heads.values():
                self.note(head)

    @property
    def questions(self) -> list[Question]:
        """What is to be asked of the store."""
        return list(dict.fromkeys(self._asked.values()))

    def answer(self, answers: Iterable[tuple[bool, Sequence[str]]]) -> None:
        """What the store says to each question: whether there is a call in the 30 days before, and
        the calls in the 30 days after that do not count as repeats."""
        self._found = dict(zip(self.questions, answers, strict=True))

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
        self, submission: Submission, question: Question, since_ms: int, until_ms: int
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

    def _question(self, submission: Submission) -> Question | None:
        """What the probe asks. A start that the fact does not state is the call's, else now."""
        probe = submission.probe
        if probe is None:
            return None
        started_ms = probe.started_ms
        if started_ms is None and submission.key is not None:
            call = self._heads[submission.account, submission.key].call
            started_ms = None if call is None else contact_of(call).started_ms or None
        return Question(submission.account, probe.contact_number, started_ms or self._created_ms)
