"""What routes of several services share: bodies and answers of JSON, and the parameters of pages."""

from typing import Annotated, TypeVar

import msgspec
from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import BeforeValidator

from libs.common.accept import MAX_BODY, parse_json
from libs.common.errors import Problem
from libs.common.http import encode, whole_number

T = TypeVar("T")
Whole = BeforeValidator(whole_number)
Limit = Annotated[int, Query(ge=1, le=200), Whole]
Cursor = Annotated[str | None, Query(description="The `next_cursor` of the page before.")]


def require_json(content_type: bytes) -> None:
    """Raises `Problem` 415."""
    if content_type != b"application/json" and content_type.partition(b";")[0].strip().lower() != b"application/json":
        raise Problem(415, "unsupported_media_type", "The body must be application/json.")


async def read_json(request: Request, decoder: msgspec.json.Decoder[T]) -> T:
    """Reads no further than a body may go. Raises `Problem` 400, 413, 415 or 422."""
    require_json(request.headers.get("content-type", "").encode("latin-1"))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            break
    return parse_json(decoder, bytes(body))


def private_answer(value: object, status: int = 200) -> Response:
    """As JSON, which no cache may keep."""
    return Response(encode(value), status, media_type="application/json", headers={"cache-control": "no-store"})
