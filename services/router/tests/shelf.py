"""What stands in the tests of the router where the service of files stands: its internal calls, and nothing behind."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class Shelf:
    """`kept`: by the message that brought it. `answer`: what every call gets in place of the truth."""

    token: str = "a-token"
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    answer: tuple[int, dict[str, Any]] | None = None

    @property
    def http(self) -> httpx.AsyncClient:
        route = Route("/internal/files/{arrived_as}", self._take, methods=["GET", "PUT", "DELETE"])
        return httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=[route])))

    async def _take(self, request: Request) -> Response:
        assert request.headers["authorization"] == f"Bearer {self.token}"
        arrived_as = request.path_params["arrived_as"]
        if request.method == "DELETE" and self.answer is None:
            self.kept.pop(arrived_as, None)
            return Response(status_code=204)
        if request.method == "PUT" and self.answer is None:
            self.kept[arrived_as] = _kept(arrived_as, dict(request.query_params), await request.body())
            assert request.headers["content-length"] == str(self.kept[arrived_as]["size"])
        if self.answer is not None and (request.method == "PUT" or self.answer[0] >= 500):
            return JSONResponse(self.answer[1], self.answer[0])
        found = self.kept.get(arrived_as)
        return JSONResponse(found) if found else JSONResponse({"code": "not_found"}, 404)


def _kept(arrived_as: str, said: dict[str, str], content: bytes) -> dict[str, Any]:
    assert hashlib.sha256(content).hexdigest() == said["sha256"]
    return {"file_id": arrived_as, "status": "completed", "size": len(content), **said}
