"""Hands files over to the service of files, by its internal calls; what it says of one, in words of ours."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import httpx
import msgspec

from libs.common.errors import Retry, Unavailable
from libs.common.events import AttachedFile
from services.router.attached import Coming, Kept, Unkept

DEADLINE_S = 10.0
SLOWEST = 1024 * 1024  # bytes per second, of one process of ours to the next
VERIFYING_S = 25.0  # the service answers after 20 s that it takes longer
REFUSALS = (413, 422)


class Said(msgspec.Struct):
    """What is read of the service's answer."""

    file_id: str
    status: str
    filename: str
    size: int
    content_type: str
    sha256: str | None
    error: dict[str, str] = {}


class Refused(msgspec.Struct):
    """A problem, as far as it is read."""

    code: str


class FileKeeper:
    """Raises `Unkept`, and `Retry` where it has to be asked again, which is safe."""

    def __init__(self, http: httpx.AsyncClient, url: str, token: str) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"}

    async def find(self, arrived_as: str) -> Kept | None:
        """None where its bytes are not there yet."""
        answer = await self._ask("GET", arrived_as, DEADLINE_S)
        return None if answer.status_code == 404 else _kept(answer)

    async def keep(self, coming: Coming, content: AsyncIterator[bytes]) -> Kept:
        """However often it comes, there is one file."""
        said = {name: value for name, value in coming._asdict().items() if name not in ("arrived_as", "size")}
        headers = {"content-length": str(coming.size), "content-type": "application/octet-stream"}
        deadline_s = DEADLINE_S + VERIFYING_S + coming.size / SLOWEST
        answer = await self._ask("PUT", coming.arrived_as, deadline_s, params=said, headers=headers, content=content)
        return _kept(answer)

    async def forget(self, arrived_as: str) -> None:
        """Its sender has taken it back. Does nothing where it never came."""
        answer = await self._ask("DELETE", arrived_as, DEADLINE_S)
        if answer.status_code != 204:
            _refuse(answer)

    async def _ask(self, method: str, arrived_as: str, deadline_s: float, **request: Any) -> httpx.Response:
        url = f"{self._url}/internal/files/{arrived_as}"
        headers = {**self._headers, **request.pop("headers", {})}
        try:
            async with asyncio.timeout(deadline_s):
                return await self._http.request(method, url, headers=headers, timeout=deadline_s, **request)
        except (httpx.TransportError, TimeoutError) as error:
            raise Unavailable("files", type(error).__name__) from None


def _kept(answer: httpx.Response) -> Kept:
    if answer.status_code != 200:
        _refuse(answer)
    said = msgspec.json.decode(answer.content, type=Said)
    if said.status != "completed" or said.sha256 is None:
        raise Unkept(said.error.get("code", said.status))
    return Kept(said.file_id, AttachedFile(said.filename, said.size, said.content_type, said.sha256))


def _refuse(answer: httpx.Response) -> NoReturn:
    if answer.status_code in REFUSALS:
        raise Unkept(msgspec.json.decode(answer.content, type=Refused).code)
    if answer.status_code == 202:
        raise Retry("a file is still being verified")
    raise Unavailable("files", f"HTTP {answer.status_code}")
