"""Around every route: counts and times requests, tells what their keys have left, and answers for
what nobody expected."""

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhook.api.faults import report_fault
from offhook.api.problems import respond
from offhook.api.quota import quota_headers
from offhook.clock import Clock

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class HttpMetrics:
    """``offhook_http_requests_total`` and ``offhook_http_request_seconds``, by method, route and,
    for the count, status. Routes are templates, so no id ever becomes a label."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "offhook_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "offhook_http_request_seconds",
            "Time from the request's head to the answer's end.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._bound: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def record(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        bound = self._bound.get((method, route, status))
        if bound is None:
            bound = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(method, route),
            )
            self._bound[method, route, status] = bound
        bound[0].inc()
        bound[1].observe(seconds)


class Observed:
    """ASGI middleware around all routes: no exception passes it, and no traceback."""

    def __init__(self, app: ASGIApp, *, metrics: HttpMetrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._clock.monotonic()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                quota = scope.get("offhook.quota")
                if quota is not None:
                    message["headers"] = [*message["headers"], *quota_headers(quota)]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            status = status or 499
        except Exception as error:  # noqa: BLE001 - the last place that can still answer
            problem = report_fault(error, method=_method(scope), route=_route(scope))
            if status == 0:
                await respond(problem)(scope, receive, watched)
        finally:
            elapsed = self._clock.monotonic() - began
            self._metrics.record(_method(scope), _route(scope), status, elapsed)


def _route(scope: Scope) -> str:
    route = scope.get("route") or scope.get("offhook.route")
    path = getattr(route, "path", route)
    return path if isinstance(path, str) else "unmatched"


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else "OTHER"
