"""Events that an endpoint's filter could not be evaluated on, as all processes see it. Pure."""

import msgspec

from offhook.model.ids import EventId


class FilterFaults(msgspec.Struct, frozen=True):
    """How many there were, why the last one could not be evaluated, which event it was, and when
    (Unix milliseconds)."""

    errors: int
    last_error: str
    last_event: EventId
    last_ms: int


def add_faults(one: FilterFaults, other: FilterFaults) -> FilterFaults:
    """Both together."""
    last = max(one, other, key=lambda it: it.last_ms)
    return msgspec.structs.replace(last, errors=one.errors + other.errors)
