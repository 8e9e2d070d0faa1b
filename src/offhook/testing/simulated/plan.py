"""What a life is like, drawn from its seed: who takes part, and which troubles it has."""

import random
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from offhook.delivery.engine.dispatcher import Bounds

NAMES = ("crm", "ads", "sms", "erp", "bi")
KEYS = "aaaabbbccdefgh"
TYPES = ("custom.a", "custom.a", "custom.b", "custom.c")
LEASE_S = 6.0


class Kind(StrEnum):
    """The kinds of lives there are."""

    MIXED = "mixed"
    """Some of all troubles."""
    BACKLOG = "backlog"
    """Much is posted, and an endpoint is away for long."""
    OUTAGE = "outage"
    """Minutes, in which endpoints stay as bad as they are for long."""
    DAY = "day"
    """A day with the 24-hour schedule, endpoints down for hours."""


class Plan(msgspec.Struct, frozen=True):
    """A life to be lived: ``weights`` says how often what happens, ``tight`` whether the engine's
    bounds on memory are so small that they are reached all the time, ``made_up`` whether in the end
    each endpoint is sent what it has not."""

    kind: Kind
    partitions: int
    processes: int
    most_processes: int
    lasts_s: float
    every_s: float
    weights: Mapping[str, float]
    tight: bool
    made_up: bool
    bounds: Bounds


_WEIGHTS: dict[str, float] = {
    "post": 10,
    "call": 1.5,
    "endpoint_changes_mood": 5,
    "endpoint_gets_well": 3,
    "endpoint_refuses_a_key": 1,
    "endpoint_refuses_a_key_for_long": 2,
    "endpoint_is_gone": 0.15,
    "process_dies": 1,
    "process_dies_between_steps": 1,
    "process_dies_often": 0.15,
    "process_sleeps": 0.8,
    "process_sleeps_between_steps": 0.8,
    "process_comes": 1,
    "process_stops": 0.7,
    "process_stops_without_store": 1.5,
    "clock_is_stepped": 0.3,
    "store_is_slow": 0.8,
    "store_fails": 0.8,
    "store_goes_away": 0.5,
    "endpoint_comes": 0.5,
    "endpoint_is_deleted": 0.15,
    "endpoint_is_disabled_or_enabled": 0.6,
    "endpoint_changes_bounds": 0.4,
    "endpoint_changes_interest": 0.3,
    "endpoint_changes_order": 0.4,
    "endpoint_moves": 0.4,
    "endpoint_is_toggled": 0.3,
    "secret_is_rotated": 0.6,
    "somebody_asks_for_a_retry": 1,
    "somebody_asks_for_a_replay": 2,
    "replay_is_canceled": 0.3,
}
_LASTS_S = {
    Kind.MIXED: [5, 10, 20],
    Kind.BACKLOG: [5, 10, 20],
    Kind.OUTAGE: [120, 240],
    Kind.DAY: [43_200],
}
_ALWAYS = frozenset({"post", "endpoint_changes_mood", "endpoint_gets_well"})


def dice(seed: int, whose: str) -> random.Random:
    """The dice of one part of a life: what one part draws does not change what another does."""
    return random.Random(f"{seed} {whose}")  # noqa: S311 - it guards nothing, and has to repeat


def draw_kind(seed: int) -> Kind:
    """Which kind of life a seed has, if nobody says."""
    return dice(seed, "kind").choices(list(Kind), [0.86, 0.09, 0.048, 0.002])[0]


def of_kind(kind: Kind, rnd: random.Random) -> Plan:
    """A life of this kind. Each has only some of the troubles: one with all of them at once seldom
    gets far in any."""
    share = rnd.choice([0.15, 0.4, 0.7])
    weights = {
        name: weight * rnd.choice([0.5, 1, 2])
        for name, weight in _WEIGHTS.items()
        if name in _ALWAYS or rnd.random() < share
    }
    partitions = rnd.choice([1, 2, 4])
    if partitions > 1:
        # SQLite, which has one, knows of no more where things are to be sent again.
        weights = {name: it for name, it in weights.items() if "replay" not in name}
    most = rnd.choice([1, 1, 2, 3])
    day = kind is Kind.DAY
    if day:
        # Its endpoints keep to the schedule of a day.
        weights = {name: it for name, it in weights.items() if "for_long" not in name}
    lasts_s = rnd.choice(_LASTS_S[kind])
    return Plan(
        kind=kind,
        partitions=1 if day else partitions,
        processes=1 if day else rnd.randint(1, most),
        most_processes=1 if day else most,
        lasts_s=lasts_s,
        every_s=lasts_s / rnd.choice([20, 40]),
        weights=weights,
        tight=not day and rnd.random() < 0.6,
        made_up=partitions == 1 and rnd.random() < 0.7,
        bounds=Bounds(
            queued=rnd.choice([40, 20_000]),
            in_flight=rnd.choice([64, 512]),
            unapplied=rnd.choice([20, 5_000]),
            lease_s=600.0 if day else LEASE_S,
            stop_s=rnd.choice([0.5, 5]),
            give_back_s=rnd.choice([0.5, 2]),
        ),
    )


def endpoint(rnd: random.Random, name: str, kind: Kind) -> dict[str, object]:
    """What an endpoint asks for."""
    return {
        "url": f"https://{name}.example/hook",
        "events": rnd.choice(_INTERESTS),
        "contact_list_ids": rnd.choice([[], [], [], [], [], [], ["vip", "7"]]),
        "ordered": rnd.random() < 0.75,
        "max_in_flight": rnd.choice([1, 3, 8, 16]),
        "rate_limit_per_s": rnd.choice([None, None, None, 20, 8, 2.5]),
        "timeout_s": rnd.choice([1, 3, 10]),
        "max_hold_s": rnd.choice([3, 20, 3_600]),
        "test": rnd.random() < 0.3,
        "retry": {"profile": "24h"} if kind is Kind.DAY else rnd.choice(_RETRIES),
    }


_INTERESTS = (
    ["*"],
    ["*"],
    ["custom.*"],
    ["custom.a", "custom.b"],
    ["*", "webhook.*", "delivery.exhausted"],
)
PATIENT: dict[str, object] = {"delays_s": [0.5, 1, 2, 4], "until_s": 36_000}
"""A schedule that gives nothing up in any life but a day."""

_RETRIES: tuple[dict[str, object], ...] = (
    PATIENT,
    PATIENT,
    {"delays_s": [1, 3], "until_s": 20_000, "statuses": [429, 500, 502, 503, 504], "jitter": 0.3},
    {"delays_s": [1, 2, 4, 8]},
    {"delays_s": [1, 2], "jitter": 0.2},
    {"profile": "brief"},
    {"profile": "doubling"},
)
