"""What the API says of an attempt."""

from pydantic import BaseModel

from offhook.delivery.entries import AttemptRecord, Timings
from offhook.delivery.outgoing.recording import read_detail
from offhook.model.event import rfc3339_ms


class TimingsAnswer(BaseModel):
    """How long each step took, in milliseconds: until an address was known, until it was connected,
    the TLS handshake, from then until the answer's head, and all together. Null: a kept connection
    spared it, or the attempt did not come to it."""

    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    total_ms: float


class AttemptAnswer(BaseModel):
    """One attempt. ``response`` is the start of the body; it and ``response_headers`` are kept for
    failures, and for all attempts where the webhook has ``keep_responses``. What is secret in
    headers is ``***``. ``late``: sent out of its key's order; ``replay_id``: the job that sent it
    again."""

    number: int
    started_at: str
    duration_ms: float
    accepted: bool
    status: int | None
    error: str | None
    request_headers: dict[str, str]
    response_headers: dict[str, str] | None
    response: str | None
    timings: TimingsAnswer
    late: bool
    replay_id: str | None


def attempt_answer(record: AttemptRecord) -> AttemptAnswer:
    """An attempt for its reader; bytes that are no text are shown as U+FFFD."""
    detail = read_detail(record.detail)
    return AttemptAnswer(
        number=record.number,
        started_at=rfc3339_ms(record.started_ms),
        duration_ms=record.duration_ms,
        accepted=record.accepted,
        status=record.status,
        error=record.error,
        request_headers=detail.request,
        response_headers=detail.response,
        response=None if record.response is None else record.response.decode(errors="replace"),
        timings=timings_answer(detail.timings, record.duration_ms),
        late=record.late,
        replay_id=record.replay,
    )


def timings_answer(timings: Timings, total_ms: float) -> TimingsAnswer:
    """How long the steps took, and all together."""
    return TimingsAnswer(
        dns_ms=timings.dns_ms,
        connect_ms=timings.connect_ms,
        tls_ms=timings.tls_ms,
        first_byte_ms=timings.first_byte_ms,
        total_ms=total_ms,
    )
