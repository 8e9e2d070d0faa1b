"""Who gets an event: the endpoints of its account whose subscription it matches. Pure."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from offhook.conditions.condition import Condition, Fault, compile_condition
from offhook.conditions.facts import Facts, facts_of
from offhook.delivery.announcing import speaks_of
from offhook.delivery.document import WebhookDocument
from offhook.delivery.entries import StoredWebhook, WebhookSnapshot
from offhook.delivery.loading import describe_fault
from offhook.delivery.queueing.rate import RateLimit, rate_limit
from offhook.delivery.schedule import Schedule
from offhook.model import catalogue
from offhook.model.event import LogEvent
from offhook.model.ids import AccountId, WebhookId
from offhook.signing.secret import Secret
from offhook.signing.sign import Signer, signer_for

_LONGEST_REASON = 300


class Endpoint(msgspec.Struct, frozen=True):
    """A webhook, ready to be matched and sent to."""

    id: WebhookId
    account: AccountId
    url: str
    patterns: tuple[str, ...]
    spellings: dict[str, str]
    """The subscribed spelling of a type, where the endpoint wants that instead of the canonical."""
    ordered: bool
    include_historical: bool
    test: bool
    contact_lists: frozenset[str]
    headers: dict[str, str]
    timeout_s: float
    max_in_flight: int
    max_hold_ms: int
    rate_limit: RateLimit | None
    version: str
    schedule: Schedule
    signer: Signer
    starts: dict[int, int]
    condition: Condition | None = None
    mask_key: bytes | None = None
    """With which contacts are hashed, where the endpoint masks callers."""
    secrets: tuple[Secret, ...] = ()
    """What the signer signs with."""
    keep_responses: bool = False
    """Whether what it answers is kept of acceptances, too."""
    revision: int = 1
    """Rises with each change of it."""


class _Listed(msgspec.Struct):
    contact_list_ids: object = None


def endpoint_of(stored: StoredWebhook) -> Endpoint:
    """The endpoint that a stored webhook describes."""
    document = WebhookDocument.model_validate_json(stored.document)
    per_s = document.rate_limit_per_s
    return Endpoint(
        id=stored.id,
        account=stored.account,
        url=document.url,
        patterns=document.patterns(),
        spellings=document.spellings(),
        ordered=document.ordered,
        include_historical=document.include_historical,
        test=document.test,
        contact_lists=frozenset(document.contact_list_ids),
        headers=dict(document.headers),
        timeout_s=document.timeout_s,
        max_in_flight=document.max_in_flight,
        max_hold_ms=document.max_hold_s * 1000,
        rate_limit=None if per_s is None else rate_limit(per_s),
        version=document.version,
        schedule=document.retry.schedule(),
        signer=signer_for(document.signing.as_scheme(), stored.secrets),
        secrets=stored.secrets,
        starts=stored.starts,
        condition=None if document.filter is None else compile_condition(document.filter),
        mask_key=stored.hash_key if document.mask_caller_id else None,
        keep_responses=document.keep_responses,
        revision=stored.revision,
    )


class _Audience(msgspec.Struct, frozen=True):
    """The endpoints that subscribed to a type, and the fields of ``data`` that their filters look
    at; ``None`` where none of them has a filter."""

    endpoints: tuple[Endpoint, ...]
    fields: frozenset[str] | None


OnFault = Callable[[WebhookId, LogEvent, str], None]
"""Told of an endpoint whose filter could not be evaluated on an event, or that could not be matched
with it at all, and why."""


class Subscriptions:
    """The index of endpoints of one configuration. An event that a filter cannot be evaluated on,
    or that an endpoint cannot be matched with for any other fault, is not for that endpoint, and
    ``on_fault`` is told; the other endpoints get it. ``left_out`` are webhooks that cannot be
    loaded as they are stored, with the reason."""

    def __init__(
        self,
        version: int,
        endpoints: Iterable[Endpoint],
        on_fault: OnFault = lambda _webhook, _event, _reason: None,
        left_out: Mapping[WebhookId, str] | None = None,
    ) -> None:
        self.version = version
        self.left_out = left_out or {}
        self.endpoints = {endpoint.id: endpoint for endpoint in endpoints}
        self._on_fault = on_fault
        self._of_type: dict[tuple[AccountId, str], _Audience] = {}

    @classmethod
    def of(cls, snapshot: WebhookSnapshot, on_fault: OnFault) -> "Subscriptions":
        """Those of a snapshot; one webhook that cannot be loaded keeps back no other."""
        endpoints, left_out = [], dict(snapshot.sealed)
        for stored in snapshot.webhooks:
            try:
                endpoints.append(endpoint_of(stored))
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is one webhook
                left_out[stored.id] = describe_fault(error)
        return cls(snapshot.config_version, endpoints, on_fault, left_out)

    def match(
        self, event: LogEvent, but: Callable[[WebhookId], bool] = lambda _: False
    ) -> list[Endpoint]:
        """The endpoints that get this event live, but for those that ``but`` names."""
        audience = self._audience(event)
        found = [e for e in audience.endpoints if not but(e.id) and self._is_so(wants, e, event)]
        if audience.fields is None or not found:
            return found
        return self._filtered(found, event, audience.fields)

    def wants(self, webhook: WebhookId, event: LogEvent) -> bool:
        """Whether this endpoint gets this event."""
        return self.suits(webhook, event) and began_before(event, self.endpoints[webhook])

    def suits(self, webhook: WebhookId, event: LogEvent) -> bool:
        """Whether this endpoint would get this event, had it been there already."""
        endpoint = self.endpoints[webhook]
        if endpoint not in self._audience(event).endpoints:
            return False
        if not self._is_so(_suits, endpoint, event):
            return False
        condition = endpoint.condition
        return condition is None or bool(self._filtered([endpoint], event, condition.fields))

    def signs_alike(self, endpoint: Endpoint) -> bool:
        """Whether a request that was signed for this endpoint, as it was then, carries what one
        signed now would; an endpoint that is gone is signed for no more."""
        current = self.endpoints.get(endpoint.id)
        return current is None or current.secrets == endpoint.secrets

    def _filtered(
        self, endpoints: list[Endpoint], event: LogEvent, fields: frozenset[str]
    ) -> list[Endpoint]:
        """Those that have no filter, or one that is true of the event: it is decoded once."""
        facts = _facts(event, fields)

        def passes(endpoint: Endpoint, _event: LogEvent) -> bool | Fault:
            if endpoint.condition is None:
                return True
            return facts if isinstance(facts, Fault) else endpoint.condition.holds(facts)

        return [endpoint for endpoint in endpoints if self._is_so(passes, endpoint, event)]

    def _is_so(
        self,
        question: Callable[[Endpoint, LogEvent], bool | Fault],
        endpoint: Endpoint,
        event: LogEvent,
    ) -> bool:
        """The answer of one endpoint; a fault is that endpoint's own, and is no yes."""
        try:
            answer = question(endpoint, event)
        except Exception as error:  # noqa: BLE001 - one endpoint and one event must not stop others
            answer = _fault(error)
        if isinstance(answer, Fault):
            self._on_fault(endpoint.id, event, answer.reason)
            return False
        return answer

    def _audience(self, event: LogEvent) -> _Audience:
        cached = self._of_type.get((event.account, event.type))
        if cached is None:
            cached = self._of_type[event.account, event.type] = _audience(
                endpoint
                for endpoint in self.endpoints.values()
                if endpoint.account == event.account
                and any(catalogue.matches(pattern, event.type) for pattern in endpoint.patterns)
            )
        return cached


def _audience(endpoints: Iterable[Endpoint]) -> _Audience:
    subscribed = tuple(endpoints)
    conditions = [it.condition for it in subscribed if it.condition is not None]
    fields = frozenset[str]().union(*(it.fields for it in conditions)) if conditions else None
    return _Audience(subscribed, fields)


def wants(endpoint: Endpoint, event: LogEvent) -> bool:
    """Whether an event of a type that the endpoint subscribed to is for it: made after it, live or
    asked for as historical, real or asked for as test, of its contact lists if it names any, and
    not about itself. Its filter is asked apart from that."""
    return began_before(event, endpoint) and _suits(endpoint, event)


def began_before(event: LogEvent, endpoint: Endpoint) -> bool:
    """Whether the event was appended after the endpoint was made."""
    return event.position > endpoint.starts.get(event.partition, 0)


def _suits(endpoint: Endpoint, event: LogEvent) -> bool:
    if (event.test and not endpoint.test) or (event.historical and not endpoint.include_historical):
        return False
    if speaks_of(event, endpoint.id):
        return False
    return not endpoint.contact_lists or _on_a_list(endpoint, event)


def _on_a_list(endpoint: Endpoint, event: LogEvent) -> bool:
    """Lists are named by texts or whole numbers, and what events say of them is not checked."""
    listed = msgspec.json.decode(event.data, type=_Listed).contact_list_ids
    if not isinstance(listed, list):
        return False
    return any(str(it) in endpoint.contact_lists for it in listed if type(it) in {str, int})


def _facts(event: LogEvent, fields: frozenset[str]) -> Facts | Fault:
    try:
        return facts_of(event, fields)
    except Exception as error:  # noqa: BLE001 - endpoints without a filter get the event
        return _fault(error)


def _fault(error: Exception) -> Fault:
    return Fault(f"the event cannot be matched: {type(error).__name__}: {error}"[:_LONGEST_REASON])
