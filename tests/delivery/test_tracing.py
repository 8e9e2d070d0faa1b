"""Spans of attempts: one each, in the trace that the event brought, and nothing secret in them."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pieces import endpoint, event
from scripted_server import Peer, ScriptedServer

from offhook.delivery.entries import Answer, FailureKind
from offhook.delivery.outgoing.recording import read_detail
from offhook.delivery.outgoing.sender import Sender
from offhook.model.errors import OffhookError
from offhook.otlp import Exporter
from offhook.settings import Settings, load
from offhook.testing.clock import FakeClock
from offhook.testing.network import ScriptedNetwork
from offhook.tracing import attempts_traced

TARGET = endpoint(
    url="https://crm.example:8443/hook/s3cr3t-path?token=s3cr3t",
    headers={"authorization": "Bearer s3cr3t"},
)
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Traced:
    """A sender whose spans are kept here."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        self._exporter = Exporter(SimpleSpanProcessor(self._kept))
        self.network = ScriptedNetwork()
        self.sender = Sender(
            transport=self.network, clock=FakeClock(), tracer=self._exporter.tracer
        )

    @property
    def span(self) -> ReadableSpan:
        [span] = self._kept.get_finished_spans()
        return span

    def close(self) -> None:
        self._exporter.close()


@pytest.fixture
def traced() -> Iterator[Traced]:
    made = Traced()
    yield made
    made.close()


async def test_an_attempt_is_a_span_of_kind_client_with_the_attributes_of_http(
    traced: Traced,
) -> None:
    answer = await traced.sender.send(TARGET, event(7, type="call.ended"), 3)
    span = traced.span
    assert (span.name, span.kind) == ("deliver call.ended", SpanKind.CLIENT)
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "url.scheme": "https",
        "server.address": "crm.example",
        "server.port": 8443,
        "http.request.resend_count": 2,
        "offhook.webhook.id": "wh_crm",
        "offhook.event.id": "evt_7",
        "offhook.event.type": "call.ended",
        "http.response.status_code": 200,
    }
    assert span.context is not None
    assert answer.trace_id == f"{span.context.trace_id:032x}"
    assert "s3cr3t" not in span.to_json()


async def test_the_trace_goes_on_in_the_request_and_in_the_record(traced: Traced) -> None:
    answer = await traced.sender.send(TARGET, event(7), 1)
    [request] = traced.network.requests
    context = traced.span.context
    assert context is not None
    carried = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    assert request.headers["traceparent"] == carried
    assert read_detail(answer.record).request["traceparent"] == carried


@pytest.mark.parametrize("name", ["traceparent", "Traceparent"])
async def test_an_event_that_brought_a_trace_goes_on_in_it(traced: Traced, name: str) -> None:
    await traced.sender.send(TARGET, event(7, headers={name: PARENT, "x-own": "1"}), 1)
    [request] = traced.network.requests
    context, parent = traced.span.context, traced.span.parent
    assert context is not None
    assert parent is not None
    assert f"{context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{parent.span_id:016x}" == PARENT.split("-")[2]
    sent = [key for key in request.headers if key.lower() == "traceparent"]
    assert sent == ["traceparent"]
    assert request.headers["traceparent"] != PARENT
    assert request.headers["x-own"] == "1"


@pytest.mark.parametrize(
    ("answer", "type_", "told"),
    [
        (Answer(503), "503", "status 503"),
        (Answer(None, FailureKind.TLS, "expired"), "tls", "tls: expired"),
        (Answer(None, FailureKind.INTERNAL, "+15551234567"), "internal", None),
    ],
)
async def test_a_failure_is_an_error_that_says_why(
    traced: Traced, answer: Answer, type_: str, told: str | None
) -> None:
    traced.network.script = lambda _: answer
    await traced.sender.send(TARGET, event(7), 1)
    span = traced.span
    assert (span.attributes or {})["error.type"] == type_
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, told)


async def test_a_request_that_cannot_be_built_ends_its_span(traced: Traced) -> None:
    answer = await traced.sender.send(TARGET, event(7, created_ms=10**18), 1)
    assert answer.failure is FailureKind.INTERNAL
    assert (traced.span.attributes or {})["error.type"] == "internal"


async def test_spans_reach_a_collector_over_http() -> None:
    arrived: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def collector(peer: Peer) -> None:
        while True:
            arrived.put_nowait(await peer.read_request())
            await peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async with ScriptedServer(collector).running() as url:
        settings = Settings(otlp_endpoint=url.removesuffix("/hook"))

        def export() -> None:
            with attempts_traced(settings) as tracer:
                assert tracer is not None
                span = tracer.begin(TARGET, event(7), 1)
                span.end(Answer(200))

        await asyncio.to_thread(export)
        head, body = await asyncio.wait_for(arrived.get(), 60)
    assert head.startswith("POST /v1/traces ")
    if "content-encoding: gzip" in head.lower():
        body = import_module("gzip").decompress(body)
    exported = ExportTraceServiceRequest.FromString(body)
    [resource] = exported.resource_spans
    named = {it.key: it.value.string_value for it in resource.resource.attributes}
    assert named["service.name"] == "offhook"
    [span] = resource.scope_spans[0].spans
    assert span.name == "deliver custom.x"


def test_without_an_exporter_there_is_no_tracer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with attempts_traced(Settings()) as tracer:
        assert tracer is None


def test_opentelemetrys_own_variable_sets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    with attempts_traced(Settings()) as tracer:
        assert tracer is not None


def test_a_server_without_one_imports_no_exporter() -> None:
    """Where OpenTelemetry is installed, FastAPI and redis-py import parts of it by themselves."""
    code = (
        "import sys, offhook.server; ours = ('opentelemetry.exporter', 'offhook.otlp'); "
        "sys.exit(any(name.startswith(ours) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_exporter_without_the_package_is_told_of_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "offhook.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    settings = Settings(otlp_endpoint="http://127.0.0.1:4318")
    with pytest.raises(OffhookError, match=r"install offhook\[otel\]"), attempts_traced(settings):
        pass


def test_a_collector_that_is_no_url_is_refused() -> None:
    with pytest.raises(OffhookError, match="OTLP over HTTP"):
        load(otlp_endpoint="localhost:4318")
