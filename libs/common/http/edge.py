"""The outermost application of a service: request ids, traces, metrics, bounds, and the fast routes."""

import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common import tracing
from libs.common.clock import new_id
from libs.common.errors import Problem
from libs.common.http.answers import as_problem, not_allowed, problem_answer, too_large
from libs.common.telemetry import traceparent

MAX_BODY = 1_100_000  # the contract's 1 MiB for a batch, with slack for the edge that counts whole buffers

REQUESTS = Counter("parley_http_requests", "Answers by route and status.", ["method", "route", "status"])
LATENCY = Histogram(
    "parley_http_seconds",
    "Time to the answer.",
    ["method", "route"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)

UNTRACED = frozenset({"/health/live", "/health/ready", "/metrics"})
_REQUEST_ID = re.compile(rb"^[A-Za-z0-9._-]{1,128}$")

type_json = (b"content-type", b"application/json")

FastRoute = Callable[[Mapping[bytes, bytes], bytes], Awaitable[tuple[int, bytes]]]
"""(headers, body) → (status, JSON): a route of the hot path, outside the framework."""


class Edge:
    """The outermost ASGI application: fast routes first, the framework for everything else."""

    def __init__(
        self, app: ASGIApp, fast: Mapping[tuple[str, str], FastRoute] | None = None, max_body: int = MAX_BODY
    ) -> None:
        """`max_body`: bytes of what the framework gets; fast routes take `MAX_BODY`."""
        self.app = app
        self.max_body = max_body
        self.fast = dict(fast or {})
        self._methods: defaultdict[str, set[str]] = defaultdict(set)
        for method, path in self.fast:
            self._methods[path].add(method)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun_ns, started = time.time_ns(), time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        incoming = headers.get(b"traceparent", b"").decode("latin-1")
        traceparent.set(trace := tracing.enter(incoming))
        answer = _Answer(send, _request_id(headers))
        method, path = scope["method"], scope["path"]
        fast = self.fast.get((method, path))
        try:
            if int(headers.get(b"content-length", b"0")) > self.max_body:
                raise too_large()
            if fast is not None:
                status, body = await fast(headers, await _read_body(receive))
                await answer.json(status, body)
            elif path in self._methods:
                raise not_allowed(self._methods[path])
            else:
                await self.app(scope, _bounded(receive, self.max_body), answer.send)
        except Exception as error:
            if not answer.status:
                await answer.problem(as_problem(error), path)
            elif not answer.is_complete:
                raise
        finally:
            route = path if fast is not None else _route_of(scope)
            elapsed_s = time.perf_counter() - started
            REQUESTS.labels(method, route, answer.status).inc()
            LATENCY.labels(method, route).observe(elapsed_s)
            _trace(trace, incoming, begun_ns, elapsed_s, method, route, answer.status)


def _trace(trace: str, incoming: str, begun_ns: int, elapsed_s: float, method: str, route: str, status: int) -> None:
    """The request's span. Its path is the route's pattern: a real one may hold a username."""
    if not tracing.is_recorded(trace) or route in UNTRACED:
        return
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "url.path": route,
        "url.scheme": "http",
    }
    parent = incoming if incoming[3:35] == trace[3:35] else ""
    error = str(status) if status >= 500 else ""
    ended_ns = begun_ns + int(elapsed_s * 1e9)
    tracing.record(
        tracing.Span(f"{method} {route}", "server", trace, parent, begun_ns, ended_ns, attributes, error=error)
    )


class _Answer:
    """The one answer of a request, with its request id."""

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0
        self.is_complete = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self._request_id)]
        else:
            self.is_complete = not message.get("more_body", False)
        await self._send(message)

    async def json(self, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        length = (b"content-length", str(len(body)).encode())
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*(headers or [type_json]), length],
            }
        )
        await self.send({"type": "http.response.body", "body": body})

    async def problem(self, problem: Problem, path: str) -> None:
        await self.json(*problem_answer(problem, path))


def _request_id(headers: Mapping[bytes, bytes]) -> bytes:
    given = headers.get(b"x-request-id", b"")
    return given if _REQUEST_ID.match(given) else new_id().encode()


def _route_of(scope: Scope) -> str:
    """The route's pattern, so that ids in paths make no new series; unknown paths are one series."""
    return getattr(scope.get("route"), "path", "unmatched")


async def _read_body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise too_large()
    if message["type"] == "http.disconnect":
        raise Problem(400, "malformed", "The body ended early.")
    return body


def _bounded(receive: Receive, max_body: int) -> Receive:
    """The framework's `receive`; it lets only its own exceptions through, and makes 400 of any other."""
    size = 0

    async def receive_some() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > max_body:
            raise HTTPException(413)
        return message

    return receive_some
