"""The webhook as its owner describes it: every field, its bounds, and what is refused."""

import re
from typing import Annotated, Literal, Self, assert_never

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from offhook.conditions.condition import compile_condition
from offhook.delivery.guard import MAX_URL_LENGTH
from offhook.delivery.schedule import PROFILES, Retries, Schedule
from offhook.model.catalogue import read_pattern, spelling
from offhook.model.errors import Invalid
from offhook.model.event import VERSION
from offhook.model.headers import header_errors
from offhook.signing.schemes import STANDARD, STANDARD_ED25519, Scheme, TimestampedHex, Unsigned

MAX_HOLD_S = 3600

_HEADER_START = re.compile(r"[a-z][a-z0-9-]{0,63}")
_PREFIX = TimestampedHex().prefix


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    errors = header_errors(headers, "body.headers", credentials=True)
    if errors:
        raise Invalid(f"{errors[0].path}: {errors[0].message}.", *errors)
    return headers


def _check_events(events: list[str]) -> list[str]:
    for place, written in enumerate(events):
        read_pattern(written, f"body.events.{place}")
    return events


def _check_prefix(prefix: str) -> str:
    if not _HEADER_START.fullmatch(prefix):
        raise ValueError(f"{prefix[:100]!r} cannot begin a header; give one like 'x-callcall'")
    return prefix


def _check_filter(text: str | None) -> str | None:
    if text is not None:
        compile_condition(text)
    return text


def _known_version(version: str) -> str:
    if version != VERSION:
        raise ValueError(
            f"{version[:100]!r} is not a version of the payload; the only one is {VERSION!r}"
        )
    return version


Delay = Annotated[float, Field(ge=0, le=86_400)]
Text = Annotated[str, Field(max_length=500)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Signing(_Part):
    """How requests are signed. ``prefix`` begins the headers of ``timestamped-hex``; the other
    schemes have none."""

    scheme: Literal["standard", "standard-ed25519", "timestamped-hex", "none"] = "standard"
    prefix: Annotated[str, AfterValidator(_check_prefix)] | None = Field(
        default=None, validate_default=True
    )

    @field_validator("prefix", mode="before")
    @classmethod
    def _where_used(cls, prefix: object, info: ValidationInfo) -> object:
        if info.data.get("scheme") == "timestamped-hex":
            return _PREFIX if prefix is None else prefix
        if prefix not in (None, _PREFIX):
            raise ValueError("is of the scheme 'timestamped-hex' alone; leave it out, or null")
        return None

    def as_scheme(self) -> Scheme:
        """The scheme to sign by."""
        match self.scheme:
            case "standard":
                return STANDARD
            case "standard-ed25519":
                return STANDARD_ED25519
            case "timestamped-hex":
                return TimestampedHex(self.prefix or _PREFIX)
            case "none":
                return Unsigned()
            case _:
                assert_never(self.scheme)


class Retry(_Part):
    """When a failed delivery is tried again: a named profile, or a list of delays.

    With ``until_s`` the last delay repeats until that long after the event was committed.
    ``statuses`` names the responses that are tried again (without it: every one that is not 2xx);
    connection errors and timeouts always are. ``jitter`` is a share of each delay, none without it;
    profiles have their own.
    """

    profile: Literal["24h", "brief", "doubling"] | None = None
    delays_s: Annotated[list[Delay], Field(min_length=1, max_length=100)] | None = None
    until_s: Annotated[float, Field(gt=0, le=604_800)] | None = None
    statuses: (
        Annotated[list[Annotated[int, Field(ge=300, le=599)]], Field(max_length=300)] | None
    ) = None
    jitter: Annotated[float, Field(ge=0, le=0.5)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.profile is None) == (self.delays_s is None):
            raise ValueError("give either profile or delays_s, and set the other to null")
        listed = self.until_s is not None or self.statuses is not None or bool(self.jitter)
        if self.profile is not None and listed:
            raise ValueError("until_s, statuses and jitter belong to delays_s; leave them out")
        if self.until_s is not None and self.delays_s is not None and self.delays_s[-1] < 1:
            raise ValueError("the last of delays_s repeats until until_s: make it 1 or more")
        return self

    def schedule(self) -> Schedule:
        """The delays and the failures that this comes to."""
        if self.profile is not None:
            return PROFILES[self.profile]
        return Schedule(
            delays_s=tuple(self.delays_s or ()),
            until_s=self.until_s,
            jitter=self.jitter or 0.0,
            retries=Retries.EVERY_FAILURE if self.statuses is None else Retries.LISTED,
            statuses=frozenset(self.statuses or ()),
        )


class WebhookDocument(_Part):
    """All that an owner says of a webhook, with its defaults.

    The guard checks ``url``, by the operator's settings. ``events`` are types, aliases,
    ``prefix.*`` or ``*``. ``max_in_flight`` bounds the requests under way, ``rate_limit_per_s``
    those that begin within any window (10: ten in a second; 0.2: one in five seconds; null: any
    number); both hold over all processes together. What this release cannot do yet is refused
    unless it is left at its default, so that nothing is stored and then ignored.
    """

    url: Annotated[str, Field(max_length=MAX_URL_LENGTH)]
    events: Annotated[
        list[Annotated[str, Field(max_length=128)]],
        Field(min_length=1, max_length=200),
        AfterValidator(_check_events),
    ]
    description: Text | None = None
    external_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    metadata: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=64)], Text], Field(max_length=50)
    ] = {}
    contact_list_ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=255)]], Field(max_length=1000)
    ] = []
    filter: Annotated[str | None, AfterValidator(_check_filter)] = None
    ordered: bool = True
    max_hold_s: Annotated[int, Field(ge=0, le=604_800)] = MAX_HOLD_S
    include_historical: bool = False
    test: bool = False
    mask_caller_id: bool = False
    keep_responses: bool = False
    headers: Annotated[dict[str, str], AfterValidator(_check_headers)] = {}
    timeout_s: Annotated[float, Field(ge=0.1, le=60)] = 15
    rate_limit_per_s: Annotated[float, Field(gt=0, le=10_000)] | None = None
    max_in_flight: Annotated[int, Field(ge=1, le=1000)] = 16
    signing: Signing = Signing()
    retry: Retry = Retry(profile="24h")
    type_names: Literal["canonical", "as_subscribed"] = "canonical"
    version: Annotated[str, AfterValidator(_known_version)] = VERSION
    enabled: bool = True

    def patterns(self) -> tuple[str, ...]:
        """What it subscribes to, in canonical form."""
        return tuple(read_pattern(written) for written in self.events)

    def spellings(self) -> dict[str, str]:
        """The owner's own spelling of each type that is named, where that is what goes out."""
        if self.type_names == "canonical":
            return {}
        named = (written for written in self.events if not written.strip().endswith("*"))
        return {
            read_pattern(written): spelling(self.events, read_pattern(written)) for written in named
        }


class NewWebhook(WebhookDocument):
    """A webhook about to be made; its secret may be given."""

    secret: Annotated[str, Field(max_length=512)] | None = None

    def document(self) -> WebhookDocument:
        """What is stored of it besides the secret."""
        return WebhookDocument.model_validate(self.model_dump(exclude={"secret"}))
