"""Bytes to and from the store of files, by signed URLs; no token of ours ever goes there."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from urllib.parse import urlsplit

import httpx

from clients.parley.errors import StorageError, StorageUnreachableError
from clients.parley.files.transfer import deadline_s

STALL_S = 60.0  # without a byte in either direction
CONNECT_S = 10.0
FAULT_BYTES = 4096
CODE = re.compile(rb"<Code>(\w{1,60})</Code>")

Take = Callable[[bytes], Awaitable[None]]


class Storage:
    """Connections to wherever signed URLs lead, made when the first is used."""

    def __init__(self, verify: ssl.SSLContext | bool) -> None:
        self._verify = verify

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        timeout = httpx.Timeout(STALL_S, connect=CONNECT_S, pool=None)
        headers = {"Accept-Encoding": "identity"}
        return httpx.AsyncClient(verify=self._verify, timeout=timeout, headers=headers, trust_env=False)

    async def close(self) -> None:
        if "_http" in self.__dict__:
            await self._http.aclose()

    async def put(self, url: str, headers: Mapping[str, str], size: int, chunks: AsyncIterator[bytes]) -> str:
        """Stores `size` bytes; the answer is their ETag."""
        sent = {name.lower(): value for name, value in headers.items()} | {"content-length": str(size)}
        request = self._http.build_request("PUT", _checked(url), headers=sent, content=chunks)
        async with self._answer(request, size) as answer:
            return str(answer.headers.get("etag", ""))

    async def get(self, url: str, offset: int, size: int, take: Take) -> None:
        """Gives `size` bytes from `offset` on to `take`, in their order."""
        wanted = f"bytes={offset}-{offset + size - 1}"
        request = self._http.build_request("GET", _checked(url), headers={"Range": wanted})
        async with self._answer(request, size) as answer:
            _check_range(answer, offset, size)
            left = size
            async for chunk in answer.aiter_raw():
                left -= len(chunk)
                if left < 0:
                    raise StorageError(f"{_place(url)} sent more than it was asked for")
                await take(chunk)
        if left:
            raise StorageUnreachableError(f"{_place(url)} broke off")

    @asynccontextmanager
    async def _answer(self, request: httpx.Request, size: int) -> AsyncIterator[httpx.Response]:
        place = _place(str(request.url))
        try:
            async with asyncio.timeout(deadline_s(size)):
                answer = await self._http.send(request, stream=True)
                try:
                    await _raise_for(answer, place)
                    yield answer
                finally:
                    await answer.aclose()
        except (httpx.TransportError, TimeoutError) as error:
            raise StorageUnreachableError(f"{place} does not answer ({str(error) or 'too late'})") from error


def _checked(url: str) -> httpx.URL:
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise StorageError("the signed URL is none") from error
    if found.scheme not in ("http", "https") or not found.host or found.userinfo:
        raise StorageError("the signed URL is none")
    return found


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"The file store at {parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


async def _raise_for(answer: httpx.Response, place: str) -> None:
    if answer.is_success:
        return
    body = b""
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > FAULT_BYTES:
            break
    code = CODE.search(body)
    words = f" {code.group(1).decode()}" if code else ""
    raise StorageError(f"{place} refused: {answer.status_code}{words}", answer.status_code)


def _check_range(answer: httpx.Response, offset: int, size: int) -> None:
    said = str(answer.headers.get("content-range", ""))
    if answer.status_code != httpx.codes.PARTIAL_CONTENT or not said.startswith(f"bytes {offset}-{offset + size - 1}/"):
        raise StorageError(f"{_place(str(answer.url))} sent something else than it was asked for")
