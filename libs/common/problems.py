"""How a problem is written: the RFC 9457 object of answers and of frames."""

from http import HTTPStatus
from typing import Any

from libs.common.errors import Problem
from libs.common.telemetry import trace_id

_TITLES = {status.value: status.phrase for status in HTTPStatus} | {422: "Unprocessable Content"}


def title_of(status: int) -> str:
    return _TITLES.get(status, "Error")


def problem_document(problem: Problem, instance: str | None = None) -> dict[str, Any]:
    """The object of a problem, as answers and `rejected` and `error` frames show it."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": title_of(problem.status),
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "trace_id": trace_id(),
    }
    if instance is not None:
        document["instance"] = instance
    if problem.retry_after_s is not None:
        document["retry_after"] = problem.retry_after_s
    if problem.errors:
        document["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in problem.errors]
    return document
