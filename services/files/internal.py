"""The door for our own services, on a listener of its own: who knocks proves that they are of this installation."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response

from libs.common.accept import known_id
from libs.common.errors import Problem
from libs.common.http import encode
from libs.common.mongo import Document
from services.files.domain.objects import WORKING
from services.files.handlers.arriving import Arriving, Coming, taken

ArrivedAs = Annotated[str, Path()]
Said = Annotated[str, Query(max_length=1024)]


def internal_routes(arriving: Arriving, token: str) -> APIRouter:
    """`token` is derived of the installation's secret. A file is answered with 200, or 202 while it is verified."""
    router = APIRouter(prefix="/internal/files", include_in_schema=False)

    @router.get("/{arrived_as}")
    async def find_arrived(arrived_as: ArrivedAs, request: Request) -> Response:
        _require_ours(request, token)
        return _answer(await arriving.find(known_id(arrived_as, "file")))

    @router.put("/{arrived_as}")
    async def take(
        arrived_as: ArrivedAs,
        request: Request,
        owner: Said,
        conversation_id: Said,
        filename: Said,
        content_type: Said,
        sha256: Said,
        content_length: Annotated[int, Header()],
    ) -> Response:
        """The body are the bytes, of a length that is said."""
        _require_ours(request, token)
        coming = Coming(
            owner=owner,
            conversation_id=conversation_id,
            filename=filename,
            content_type=content_type,
            size=content_length,
            sha256=sha256,
        )
        return _answer(await arriving.take(known_id(arrived_as, "file"), coming, request.stream()))

    @router.delete("/{arrived_as}", status_code=204)
    async def forget(arrived_as: ArrivedAs, request: Request) -> Response:
        """Also where it never came."""
        _require_ours(request, token)
        await arriving.forget(known_id(arrived_as, "file"))
        return Response(status_code=204)

    return router


def _require_ours(request: Request, token: str) -> None:
    given = request.headers.get("authorization", "").encode("latin-1")
    if not hmac.compare_digest(given, f"Bearer {token}".encode()):
        raise Problem(401, "unauthenticated", "This door is for services of this installation.")


def _answer(document: Document) -> Response:
    status = 202 if document["status"] in WORKING else 200
    return Response(encode(taken(document)), status, media_type="application/json")
