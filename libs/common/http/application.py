"""The framework's part of a service: its errors, its health and its metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Scope

from libs.common.errors import Problem, Retry
from libs.common.http.answers import as_problem, encode, not_allowed, problem_answer
from libs.common.openapi import Answer, documented

NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""The framework's own would cost every request, and tell usernames in paths and the words of errors."""

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
Check = Callable[[], Awaitable[None]]
"""Returns when a dependency answers; raises, with words for people, when it does not."""


class Live(msgspec.Struct, frozen=True):
    status: Literal["live"]


class Ready(msgspec.Struct, frozen=True, omit_defaults=True):
    """`dependencies` says of each `up`, or why it is not; `notes` what it does without."""

    status: Literal["ready", "waiting"]
    dependencies: dict[str, str]
    notes: dict[str, str] = {}


def create_app(title: str, checks: Mapping[str, Check], notes: Mapping[str, str] | None = None) -> FastAPI:
    """The framework's part of a service: its routes are added to it; health and metrics are there."""
    app = FastAPI(
        title=title, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, telemetry=NO_TELEMETRY
    )

    async def on_error(request: Request, error: Exception) -> Response:
        is_405 = isinstance(error, HTTPException) and error.status_code == 405
        problem = not_allowed(_methods_of(app, request.scope)) if is_405 else as_problem(error)
        status, body, headers = problem_answer(problem, request.url.path)
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
        body = encode(Ready("ready" if is_up else "waiting", reasons, dict(notes or {})))
        return Response(body, 200 if is_up else 503, media_type="application/json")

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def _methods_of(app: FastAPI, scope: Scope) -> set[str]:
    """With which the path of this request is served; the framework knows only those of the first route that fits."""
    return {m for m in METHODS if any(r.matches({**scope, "method": m})[0] is Match.FULL for r in app.router.routes)}


async def _check(name: str, check: Check) -> tuple[str, str]:
    try:
        async with asyncio.timeout(2):
            await check()
    except TimeoutError:
        return name, "no answer within 2 s"
    except Exception as error:
        return name, str(error) or type(error).__name__
    return name, "up"
