"""The routes of all services, read off the applications as they run, with nothing behind them."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from libs.common.http import Edge, create_app
from libs.common.openapi import Operation, operation_of
from services.auth.main import wire as auth
from services.files.main import wire as files
from services.frontend.main import wire as frontend
from services.presence.main import wire as presence
from services.router.wiring.operators import operated
from services.webhooks.main import wire as webhooks

Wire = Callable[..., Edge | FastAPI]
WIRED: dict[str, Wire] = {
    "auth": auth,
    "frontend": frontend,
    "presence": presence,
    "files": files,
    "webhooks": webhooks,
}


def router(letters: Any, board: Any, contacts: Any, door: Any, verifier: Any) -> FastAPI:
    return operated(create_app("Parley router", {}), letters, board, contacts, door, verifier)


INTERNAL: dict[str, Wire] = {"router": router}
"""What no gateway leads to."""


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


def all_routes(wired_by: Mapping[str, Wire] = WIRED) -> list[Route]:
    """Each route once, in the order of the services. Raises `LookupError` for one that is not declared."""
    found: dict[tuple[str, str], Route] = {}
    for service, wire in wired_by.items():
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
