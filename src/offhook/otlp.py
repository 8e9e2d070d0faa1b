"""Spans of attempts by OpenTelemetry, exported over OTLP/HTTP. Imported only where it is set."""

import threading
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from offhook import __version__
from offhook.delivery.entries import Answer
from offhook.delivery.policy import describe
from offhook.delivery.subscriptions import Endpoint
from offhook.model.event import LogEvent

_EXPORT_WITHIN_S = 3
_CLOSE_WITHIN_S = 1.5
_PROPAGATOR = TraceContextTextMapPropagator()


class Exporter:
    """Spans on their way out, in batches, by a thread of OpenTelemetry's."""

    def __init__(self, processor: SpanProcessor) -> None:
        ours = Resource({"service.name": "offhook", "service.version": __version__})
        stated = OTELResourceDetector().detect()  # OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
        self._provider = TracerProvider(resource=ours.merge(stated), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self.tracer = SpanTracer(self._provider)

    def close(self) -> None:
        """Export what is left, if the collector takes it soon."""
        closing = threading.Thread(target=self._provider.shutdown, name="otlp", daemon=True)
        closing.start()
        closing.join(_CLOSE_WITHIN_S)


def open_exporter(endpoint: str | None) -> Exporter:
    """An exporter to the collector at this URL; without one, to where OpenTelemetry's own variables
    say."""
    url = None if endpoint is None else f"{endpoint.rstrip('/')}/v1/traces"
    return Exporter(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=_EXPORT_WITHIN_S)))


class SpanTracer:
    """A span for each attempt: of kind client, with the attributes of HTTP's conventions, and none
    that may hold a secret: of the URL its scheme, host and port alone."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("offhook", __version__)

    def begin(self, endpoint: Endpoint, event: LogEvent, number: int) -> "AttemptSpan":
        """Start it, in the trace that the event brought if it brought one."""
        attributes: dict[str, str | int | bool] = {
            "http.request.method": "POST",
            **_place(endpoint.url),
            "http.request.resend_count": number - 1,
            "offhook.webhook.id": endpoint.id,
            "offhook.event.id": event.id,
            "offhook.event.type": event.type,
        }
        brought = {name.lower(): value for name, value in (event.headers or {}).items()}
        span = self._tracer.start_span(
            f"deliver {event.type}",
            context=_PROPAGATOR.extract(brought) if "traceparent" in brought else None,
            kind=SpanKind.CLIENT,
            attributes=attributes,
        )
        return AttemptSpan(span)


class AttemptSpan:
    """An attempt under way."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def trace_id(self) -> str:
        """The trace, as 32 hexadecimal digits."""
        return f"{self._span.get_span_context().trace_id:032x}"

    @property
    def headers(self) -> Mapping[str, str]:
        """``traceparent``, and ``tracestate`` where there is one."""
        carried: dict[str, str] = {}
        _PROPAGATOR.inject(carried, context=set_span_in_context(self._span))
        return carried

    def end(self, answer: Answer) -> None:
        """Say how it went."""
        if answer.status is not None:
            self._span.set_attribute("http.response.status_code", answer.status)
        if answer.status is None or not 200 <= answer.status < 300:
            self._span.set_attribute("error.type", str(answer.failure or answer.status))
            # Of our own fault nothing is told that may hold what the event held.
            told = None if answer.is_ours else describe(answer)
            self._span.set_status(Status(StatusCode.ERROR, told))
        self._span.end()


@lru_cache(maxsize=4_096)
def _place(url: str) -> Mapping[str, str | int]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {
        "url.scheme": parts.scheme,
        "server.address": parts.hostname or "",
        "server.port": port,
    }
