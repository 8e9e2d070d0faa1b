"""Every table that is moved, and its columns. Pure.

A statement of the table's name, in each dialect, brings these columns in this order.
"""

from dataclasses import dataclass

from offhook.moving.rules import Events, Keyed, Located, Plain, Ranged, Rule, Spread


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is moved. ``flags`` are the columns that are booleans on PostgreSQL."""

    name: str
    rule: Rule
    columns: tuple[str, ...]
    flags: frozenset[str] = frozenset()


_LAST = ("last_id", "last_type", "last_sequence")
_DELIVERY = ("account", "key", "partition", "position", "webhook", "event_id", "event_type")

EVENT = Table(
    "event",
    Events(),
    (
        *("account", "key", "partition", "position", "previous", "id"),
        *("type", "sequence", "created_ms", "test", "historical", "headers", "data"),
    ),
    frozenset({"test", "historical"}),
)

TABLES = (
    EVENT,
    Table(
        "event_kept",
        Keyed(partitioned=True, positions=1),
        (
            *("account", "key", "partition", "position", "id", "type", "sequence", "created_ms"),
            *("test", "historical", "headers", "data"),
        ),
        frozenset({"test", "historical"}),
    ),
    Table(
        "key_head",
        Keyed(partitioned=False, positions=1),
        ("account", "key", "last_position", *_LAST),
    ),
    Table(
        "call",
        Keyed(partitioned=False, positions=1),
        (
            *("account", "id", "last_position", *_LAST),
            *("started_ms", "contact_number", "duplicate", "test", "repeat_caller", "status"),
            *("outcome", "campaign_id", "buyer_id", "caller_id", "state"),
        ),
        frozenset({"duplicate", "test", "repeat_caller"}),
    ),
    Table(
        "event_key",
        Plain(),
        ("account", "id", "digest", "event_id", "type", "key", "sequence", "created_ms"),
    ),
    Table(
        "timer",
        Keyed(partitioned=True, positions=0),
        ("account", "key", "partition", "kind", "due_ms"),
    ),
    Table(
        "lease",
        Spread(),
        ("consumer", "partition", "cursor", "epoch", "until_ms", "takeovers"),
    ),
    Table("held", Spread(next_=True), ("webhook", "partition", "from_position")),
    Table("webhook_start", Spread(), ("webhook", "partition", "position")),
    Table(
        "pending",
        Keyed(partitioned=True, positions=1),
        (
            *_DELIVERY,
            "lane",
            "state",
            "number",
            "due_ms",
            "since_ms",
            "failed_ms",
            "late",
            "replay",
            "reason",
        ),
    ),
    Table(
        "attempt",
        Keyed(partitioned=True, positions=1),
        (
            *(*_DELIVERY, "number", "started_ms", "duration_ms"),
            *("accepted", "status", "error", "response", "late", "replay", "detail"),
        ),
        frozenset({"accepted", "late"}),
    ),
    Table(
        "announcement",
        Keyed(partitioned=True, positions=0),
        ("account", "key", "partition", "event_id", "type", "test", "data"),
        frozenset({"test"}),
    ),
    Table(
        "replay",
        Plain(),
        (
            *("id", "account", "webhook", "scope", "since_ms", "until_ms", "types", "rate_per_s"),
            *("created_ms", "canceled_ms", "reason"),
        ),
    ),
    Table(
        "replay_range",
        Ranged(positions=3, counts=4),
        (
            *("replay", "partition", "from_position", "position", "to_position"),
            *("matched", "accepted", "failed", "hurried", "webhook", "done", "updated_ms"),
        ),
        frozenset({"done"}),
    ),
    Table("dispatch_request", Located(), ("partition", "position", "webhook", "kind")),
    Table(
        "resource",
        Plain(),
        (
            *("account", "kind", "id", "revision", "external_id", "document"),
            *("disabled_reason", "created_ms", "updated_ms"),
        ),
    ),
    Table(
        "webhook_secret", Plain(), ("webhook", "created_ms", "secret", "expires_ms", "public_key")
    ),
    Table(
        "endpoint_health",
        Plain(),
        (
            *("webhook", "failures", "failing_since_ms", "last_failure_ms", "last_success_ms"),
            *("updated_ms", "announced"),
        ),
        frozenset({"announced"}),
    ),
    Table("filter_fault", Plain(), ("webhook", "errors", "last_error", "last_event", "last_ms")),
    Table("endpoint_minute", Plain(), ("webhook", "minute", "class", "bucket", "attempts")),
    Table("account", Plain(), ("id", "name", "config_version", "hash_key")),
    Table(
        "api_key",
        Plain(),
        ("digest", "id", "account", "test", "scopes", "rate_limit_per_s"),
        frozenset({"test"}),
    ),
)
"""The events come first: the places of all others are counted from them."""
