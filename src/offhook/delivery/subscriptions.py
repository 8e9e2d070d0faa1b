"""Who gets an event: the endpoints of its account whose subscription it matches. Pure."""

from collections.abc import Iterable

import msgspec

from offhook.delivery.entries import StoredWebhook
from offhook.delivery.rate import RateLimit, rate_limit
from offhook.delivery.schedule import Schedule
from offhook.delivery.webhook import WebhookDocument
from offhook.model import catalogue
from offhook.model.event import LogEvent
from offhook.model.ids import AccountId, WebhookId
from offhook.signing.secret import Secret
from offhook.signing.sign import Signer, signer_for


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
    rate_limit: RateLimit | None
    version: str
    schedule: Schedule
    signer: Signer
    starts: dict[int, int]
    secrets: tuple[Secret, ...] = ()
    """What the signer signs with."""


class _Listed(msgspec.Struct):
    contact_list_ids: tuple[str, ...] | None = None


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
        rate_limit=None if per_s is None else rate_limit(per_s),
        version=document.version,
        schedule=document.retry.schedule(),
        signer=signer_for(document.signing.as_scheme(), stored.secrets),
        secrets=stored.secrets,
        starts=stored.starts,
    )


class Subscriptions:
    """The index of endpoints of one configuration."""

    def __init__(self, version: int, endpoints: Iterable[Endpoint]) -> None:
        self.version = version
        self.endpoints = {endpoint.id: endpoint for endpoint in endpoints}
        self._of_type: dict[tuple[AccountId, str], tuple[Endpoint, ...]] = {}

    def match(self, event: LogEvent) -> list[Endpoint]:
        """The endpoints that get this event live."""
        return [e for e in self._subscribed(event) if wants(e, event)]

    def wants(self, webhook: WebhookId, event: LogEvent) -> bool:
        """Whether this endpoint gets this event."""
        endpoint = self.endpoints[webhook]
        return endpoint in self._subscribed(event) and wants(endpoint, event)

    def signs_alike(self, endpoint: Endpoint) -> bool:
        """Whether a request that was signed for this endpoint, as it was then, carries what one
        signed now would; an endpoint that is gone is signed for no more."""
        current = self.endpoints.get(endpoint.id)
        return current is None or current.secrets == endpoint.secrets

    def drop(self, webhook: WebhookId) -> None:
        """The endpoint is gone: nothing matches it any more."""
        if self.endpoints.pop(webhook, None) is not None:
            self._of_type.clear()

    def _subscribed(self, event: LogEvent) -> tuple[Endpoint, ...]:
        cached = self._of_type.get((event.account, event.type))
        if cached is None:
            cached = tuple(
                endpoint
                for endpoint in self.endpoints.values()
                if endpoint.account == event.account
                and any(catalogue.matches(pattern, event.type) for pattern in endpoint.patterns)
            )
            self._of_type[event.account, event.type] = cached
        return cached


def wants(endpoint: Endpoint, event: LogEvent) -> bool:
    """Whether an event of a type that the endpoint subscribed to is for it: made after it, live or
    asked for as historical, real or asked for as test, and of its contact lists if it names any."""
    if event.position <= endpoint.starts.get(event.partition, 0):
        return False
    if (event.test and not endpoint.test) or (event.historical and not endpoint.include_historical):
        return False
    return not endpoint.contact_lists or _on_a_list(endpoint, event)


def _on_a_list(endpoint: Endpoint, event: LogEvent) -> bool:
    listed = msgspec.json.decode(event.data, type=_Listed).contact_list_ids or ()
    return not endpoint.contact_lists.isdisjoint(listed)
