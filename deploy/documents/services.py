"""The routes of all services, read off the applications as they run, with nothing behind them."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from libs.common.http import Edge
from libs.common.openapi import Operation, operation_of
from services.auth.main import wire as auth
from services.frontend.main import wire as frontend
from services.presence.main import wire as presence

WIRED: dict[str, Callable[..., Edge | FastAPI]] = {"auth": auth, "frontend": frontend, "presence": presence}


@dataclass(frozen=True)
class Route:
    service: str
    method: str
    path: str
    name: str
    operation: Operation
    parameters: Sequence[dict[str, Any]] = ()


class Absent:
    """Stands where stores and clients would: routes are built around it, and none is called."""

    def __getattr__(self, _: str) -> "Absent":
        return self

    def __getitem__(self, _: str) -> "Absent":
        return self

    def __call__(self, *_: object) -> "Absent":
        return self


def all_routes() -> list[Route]:
    """Each route once, in the order of the services. Raises `LookupError` for one that is not declared."""
    found: dict[tuple[str, str], Route] = {}
    for service, wire in WIRED.items():
        wired = wire(*(Absent() for _ in inspect.signature(wire).parameters))
        edge = wired if isinstance(wired, Edge) else Edge(wired)
        for route in (*_fast_routes(service, edge), *_framework_routes(service, cast(FastAPI, edge.app))):
            found.setdefault((route.method, route.path), route)
    return list(found.values())


def _fast_routes(service: str, edge: Edge) -> Iterator[Route]:
    for (method, path), function in edge.fast.items():
        yield Route(service, method, path, function.__name__, _declared(method, path, function))


def _framework_routes(service: str, app: FastAPI) -> Iterator[Route]:
    parameters = get_openapi(title=service, version="1", routes=app.routes)["paths"]
    for route in iter_route_contexts(app.routes):
        path = route.path_format or ""
        for method in sorted(route.methods or ()):
            if shown := parameters.get(path, {}).get(method.lower()):
                operation = _declared(method, path, route.endpoint)
                yield Route(service, method, path, route.name or "", operation, shown.get("parameters", ()))


def _declared(method: str, path: str, function: Callable[..., Any] | None) -> Operation:
    if function and (operation := operation_of(function)):
        return operation
    raise LookupError(f"{method} {path} is not declared: see libs/common/openapi.py")
