"""The fold that the store runs inside an append: calls' facts by the state machine, others as
they are."""

from offhook.log.entries import Folded, KeyRow, Submission
from offhook.model.fact import Draft, FoldContext, PlainFact
from offhook.model.fold import fold_call, unknown_call

_CALL_PREFIX = "call_"


def fold(submission: Submission, row: KeyRow | None, context: FoldContext) -> Folded:
    """What one fact comes to, given where its key stands. A ``Fold``; raises what ``fold_call``
    raises, and ``Invalid`` (``unknown_call``) for an event under the key of an unknown call."""
    fact = submission.fact
    call = None if row is None else row.call
    if isinstance(fact, PlainFact):
        if fact.key is not None and fact.key.startswith(_CALL_PREFIX) and call is None:
            raise unknown_call(fact.key)
        draft = Draft(fact.type, fact.data, call is not None and call.data.historical, fact.headers)
        return Folded((draft,), 0, call)
    folded = fold_call(call, fact, context)
    return Folded(folded.drafts, folded.carrier, folded.call, folded.timers)
