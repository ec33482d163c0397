"""A call of the Graph API over HTTP: whose token it bears, its body, and errors as the platform words them."""

import re
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import msgspec
from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from connectors.simulator.files import Files, Stored
from connectors.simulator.meta.errors import GraphError, no_token
from connectors.simulator.mishaps import reaching

VERSION = r"v[0-9]{1,3}\.[0-9]{1,2}"
PLAIN_BYTES = 2 * 1024 * 1024


def check_version(version: str) -> None:
    """Raises `GraphError`."""
    if not re.fullmatch(VERSION, version):
        raise GraphError(400, 2500, f"Unknown path components: /{version}")


def token_of(request: Request) -> str:
    """In the header, or as a parameter of the address. Raises `GraphError`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else request.query_params.get("access_token", "")
    if not given:
        raise no_token()
    return given


async def json_of(request: Request) -> Any:
    """Raises `GraphError`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > PLAIN_BYTES:
            raise GraphError(413, 1, "Please reduce the amount of data you're asking for, then retry your request")
    try:
        return msgspec.json.decode(bytes(body)) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise GraphError(400, 100, "(#100) The request body is not valid JSON") from None


async def in_words(answering: Awaitable[Response]) -> Response:
    try:
        return await reaching(answering)
    except GraphError as error:
        return answer(error.as_json(), error.status)


def answer(body: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


async def counted(
    calling: Awaitable[dict[str, Any]], name: str, calls: Counter[str], files: Files, file: Stored | None
) -> dict[str, Any]:
    """What the call answers; it is counted by how it ended, and what was refused leaves no `file`."""
    try:
        done = await calling
    except GraphError as error:
        calls[f"{name} {error.code}"] += 1
        files.forget([file] if file else [])
        raise
    calls[f"{name} 200"] += 1
    return done


def file_at(link: str, files: Files, now: float, status_of_none: int) -> Response:
    stored = files.by_link(link, now)
    if stored is None:
        return Response("URL signature expired", status_of_none)
    length = {"content-length": str(stored.size)}
    return StreamingResponse(stored.read(), headers=length, media_type=stored.content_type)
