"""The edge of every HTTP service: problems, request ids, traces, metrics, health, and the fast routes."""

from libs.common.http.answers import as_problem, encode, problem_answer, whole_number
from libs.common.http.application import Check, create_app
from libs.common.http.edge import MAX_BODY, Edge, FastRoute
from libs.common.http.server import serve

__all__ = [
    "MAX_BODY",
    "Check",
    "Edge",
    "FastRoute",
    "as_problem",
    "create_app",
    "encode",
    "problem_answer",
    "serve",
    "whole_number",
]
