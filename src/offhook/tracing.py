"""Tracing, where an exporter is set. Without one Offhook imports nothing of OpenTelemetry."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Protocol

from offhook.delivery.outgoing.tracing import AttemptTracer
from offhook.model.errors import OffhookError
from offhook.settings import Settings

_STANDARD = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class _Exporting(Protocol):
    """The module that imports OpenTelemetry."""

    def open_exporter(self, endpoint: str | None) -> "_Exporter": ...


class _Exporter(Protocol):
    @property
    def tracer(self) -> AttemptTracer: ...

    def close(self) -> None: ...


@contextmanager
def attempts_traced(settings: Settings) -> Iterator[AttemptTracer | None]:
    """A tracer whose spans are exported, the last ones when it is left; ``None`` where no exporter
    is set: by ``otlp_endpoint``, else by OpenTelemetry's own variables."""
    if settings.otlp_endpoint is None and not any(os.environ.get(name) for name in _STANDARD):
        yield None
        return
    exporter = _exporting().open_exporter(settings.otlp_endpoint)
    try:
        yield exporter.tracer
    finally:
        exporter.close()


def _exporting() -> _Exporting:
    try:
        module: object = import_module("offhook.otlp")
    except ImportError as error:
        raise OffhookError(
            "An exporter of traces is set (otlp_endpoint or OTEL_EXPORTER_OTLP_ENDPOINT), and "
            f"OpenTelemetry is not installed ({error.name}): install offhook[otel], or unset it.",
            code="not_installed",
        ) from error
    return module  # type: ignore[return-value] # modules have no static type as values
