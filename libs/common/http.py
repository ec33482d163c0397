"""The edge of every HTTP service: problems, request ids, traces, metrics, health, and the fast routes."""

import asyncio
import contextlib
import logging
import math
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from typing import Any, Literal

import msgspec
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common import tracing
from libs.common.clock import new_id
from libs.common.errors import FieldError, Problem, Retry, Unavailable, malformed
from libs.common.openapi import Answer, documented
from libs.common.problems import problem_document, title_of
from libs.common.telemetry import traceparent

MAX_BODY = 1_100_000  # the contract's 1 MiB for a batch, with slack for the edge that counts whole buffers

log = logging.getLogger(__name__)
encode = msgspec.json.Encoder().encode
REQUESTS = Counter("parley_http_requests", "Answers by route and status.", ["method", "route", "status"])
LATENCY = Histogram(
    "parley_http_seconds",
    "Time to the answer.",
    ["method", "route"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""The framework's own would cost every request, and tell usernames in paths and the words of errors."""

UNTRACED = frozenset({"/health/live", "/health/ready", "/metrics"})
_REQUEST_ID = re.compile(rb"^[A-Za-z0-9._-]{1,128}$")

type_json = (b"content-type", b"application/json")
Check = Callable[[], Awaitable[None]]
"""Returns when a dependency answers; raises, with words for people, when it does not."""

FastRoute = Callable[[Mapping[bytes, bytes], bytes], Awaitable[tuple[int, bytes]]]
"""(headers, body) → (status, JSON): a route of the hot path, outside the framework."""


def as_problem(error: Exception) -> Problem:
    """What a caller is told of any error; whatever nobody foresaw is logged and is a 500 without its text."""
    match error:
        case Problem():
            return error
        case Unavailable():
            words = f"{error.dependency} does not answer; nothing is promised, try again."
            return Problem(503, f"{error.dependency.lower()}_unavailable", words, retry_after_s=1)
        case Retry():
            return Problem(503, "unavailable", str(error), retry_after_s=math.ceil(error.after_s))
        case RequestValidationError():
            return _invalid_request(error)
        case HTTPException():
            return _framework_problem(error.status_code)
        case ClientDisconnect():
            return malformed("The body ended early.")
    log.error("a request failed", exc_info=error)
    return Problem(500, "internal_error", "Something went wrong on our side.")


def _invalid_request(error: RequestValidationError) -> Problem:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return Problem(400, "malformed", "The body is not valid JSON.")
    fields = [FieldError(_pointer(e["loc"]), _in_our_words(e["type"], e.get("ctx", {}))) for e in error.errors()]
    return Problem(422, "invalid_field", f"{fields[0].pointer or 'body'}: {fields[0].detail}", errors=fields)


def _in_our_words(kind: str, limits: Mapping[str, Any]) -> str:
    match kind:
        case "invalid_field":  # a service's own check, in its own words
            return str(limits["fault"])
        case "missing":
            return "is required"
        case "string_type":
            return "must be a string"
        case "int_parsing" | "int_type" | "int_from_float":
            return "must be an integer"
        case "greater_than_equal":
            return f"must be at least {limits['ge']}"
        case "less_than_equal":
            return f"must be at most {limits['le']}"
        case "literal_error" | "enum":
            return f"must be one of {limits.get('expected')}"
    return "is not valid"


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = location[1:] if location and location[0] == "body" else location
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _framework_problem(status: int) -> Problem:
    if status == 400:
        return malformed("The body could not be read.")
    if status == 413:
        return _too_large()
    codes = {404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}
    return Problem(status, codes.get(status, "http_error"), title_of(status) + ".")


def _too_large() -> Problem:
    return Problem(413, "too_large", "The body is larger than 1 MiB.")


def problem_answer(problem: Problem, instance: str) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    headers = [(b"content-type", b"application/problem+json")]
    if problem.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if problem.retry_after_s is not None:
        headers.append((b"retry-after", str(problem.retry_after_s).encode()))
    return problem.status, encode(problem_document(problem, instance)), headers


class Live(msgspec.Struct, frozen=True):
    status: Literal["live"]


class Ready(msgspec.Struct, frozen=True):
    """`dependencies` says of each `up`, or why it is not."""

    status: Literal["ready", "waiting"]
    dependencies: dict[str, str]


def create_app(title: str, checks: Mapping[str, Check]) -> FastAPI:
    """The framework's part of a service: its routes are added to it; health and metrics are there."""
    app = FastAPI(
        title=title, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, telemetry=NO_TELEMETRY
    )

    async def on_error(request: Request, error: Exception) -> Response:
        status, body, headers = problem_answer(as_problem(error), request.url.path)
        return Response(body, status, {k.decode(): v.decode() for k, v in headers})

    for kind in (Problem, Retry, RequestValidationError, HTTPException, ClientDisconnect, Exception):
        app.add_exception_handler(kind, on_error)

    @app.get("/health/live")
    @documented("Does it run", tag="Health", answers={200: Live}, public=True)
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/health/ready")
    @documented("Can it work", tag="Health", answers={200: Ready, 503: Answer(Ready, "Not now.")}, public=True)
    async def ready() -> Response:
        reasons = dict(await asyncio.gather(*(_check(name, check) for name, check in checks.items())))
        is_up = all(reason == "up" for reason in reasons.values())
        body = encode(Ready("ready" if is_up else "waiting", reasons))
        return Response(body, 200 if is_up else 503, media_type="application/json")

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


async def _check(name: str, check: Check) -> tuple[str, str]:
    try:
        async with asyncio.timeout(2):
            await check()
    except TimeoutError:
        return name, "no answer within 2 s"
    except Exception as error:
        return name, str(error) or type(error).__name__
    return name, "up"


class Edge:
    """The outermost ASGI application: fast routes first, the framework for everything else."""

    def __init__(self, app: ASGIApp, fast: Mapping[tuple[str, str], FastRoute] | None = None) -> None:
        self.app = app
        self.fast = dict(fast or {})
        self._fast_paths = {path for _, path in self.fast}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        incoming = headers.get(b"traceparent", b"").decode("latin-1")
        traceparent.set(trace := tracing.enter(incoming))
        answer = _Answer(send, _request_id(headers))
        method, path = scope["method"], scope["path"]
        fast = self.fast.get((method, path))
        try:
            if int(headers.get(b"content-length", b"0")) > MAX_BODY:
                raise _too_large()
            if fast is not None:
                status, body = await fast(headers, await _read_body(receive))
                await answer.json(status, body)
            elif path in self._fast_paths:
                raise _framework_problem(405)
            else:
                await self.app(scope, _bounded(receive), answer.send)
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
            _trace(trace, incoming, elapsed_s, method, route, answer.status)


def _trace(trace: str, incoming: str, elapsed_s: float, method: str, route: str, status: int) -> None:
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
    ended_ns = time.time_ns()
    begun_ns = ended_ns - int(elapsed_s * 1e9)
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
            raise _too_large()
    if message["type"] == "http.disconnect":
        raise Problem(400, "malformed", "The body ended early.")
    return body


def _bounded(receive: Receive) -> Receive:
    """The framework's `receive`; it lets only its own exceptions through, and makes 400 of any other."""
    size = 0

    async def receive_some() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            raise HTTPException(413)
        return message

    return receive_some


class _Server(uvicorn.Server):
    """Uvicorn whose signals are handled by the process, which has more to stop than HTTP."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, host: str, port: int) -> AsyncIterator[None]:
    """Answers on host:port inside the block; on leaving, requests under way get 5 s to finish.

    Raises `OSError` when the port is taken.
    """
    listener = socket.create_server((host, port))  # uvicorn's own would end the process
    config = uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        backlog=1024,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task
