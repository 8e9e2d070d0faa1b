"""Faults of ours: logged under a request id, and answered without a word about the cause."""

import secrets
import traceback

import structlog

from offhook.api.problems import Problem, internal_problem

_log = structlog.get_logger(__name__)


def report_fault(error: Exception, *, method: str, route: str) -> Problem:
    """Log the exception with its traceback; the answer names only the id to find it by."""
    request_id = f"req_{secrets.token_hex(10)}"
    # As text, not as exc_info: some log renderers add the values of locals, keys among them.
    trace = "".join(traceback.format_exception(error))
    _log.error("request_failed", request_id=request_id, method=method, route=route, exception=trace)
    return internal_problem(request_id)
