"""Calls of the Graph API: one request each, with a deadline, and its failures in the words of the contract."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, NoReturn, TypeVar

import httpx
import msgspec

from connectors.http import SLOWEST, download, request
from connectors.meta.failures import COMMON, Meanings, failure_of, unintelligible
from connectors.meta.settings import Settings
from connectors.multipart import Form
from connectors.sdk import OutboundFile, Refused

T = TypeVar("T")


class Graph:
    """Safe for many tasks at once; raises `Unreachable`, `Throttled`, `Refused`. The token stands in no URL."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings, meanings: Meanings = COMMON) -> None:
        self._http = http
        self._settings = settings
        self._meanings = meanings
        self._headers = {"authorization": f"Bearer {settings.access_token}"}

    async def get(self, path: str, result: type[T], **query: str) -> T:
        return await self._call("GET", path, result, self._settings.timeout_s, params=query)

    async def post(self, path: str, body: Mapping[str, Any], result: type[T]) -> T:
        return await self._call("POST", path, result, self._settings.timeout_s, json=body)

    async def delete(self, path: str, result: type[T]) -> T:
        return await self._call("DELETE", path, result, self._settings.timeout_s)

    async def upload(
        self,
        path: str,
        fields: Mapping[str, str],
        name: str,
        file: OutboundFile,
        content: AsyncIterator[bytes],
        result: type[T],
    ) -> T:
        """`name` is that of the form's field which holds the file."""
        form = Form(fields, name, file, content)
        deadline_s = self._settings.timeout_s + file.size / SLOWEST
        return await self._call("POST", path, result, deadline_s, content=form, headers=form.headers)

    def download(self, url: str, *, with_token: bool) -> AsyncIterator[bytes]:
        """From where the platform says that a file is. Raises `Refused` for what is no address of a platform."""
        if not url.startswith(("https://", f"{self._settings.base_url}/")):
            raise Refused("not_found", "the file stands at no address of the platform")
        return download(self._http, url, self._headers if with_token else {}, self._settings.timeout_s, self._refuse)

    async def _call(
        self, method: str, path: str, result: type[T], deadline_s: float, headers: Mapping[str, str] = {}, **parts: Any
    ) -> T:
        url = f"{self._settings.base_url}/{self._settings.api_version}/{path}"
        all_headers = {**self._headers, **headers}
        response = await request(self._http, method, url, deadline_s, headers=all_headers, **parts)
        if not response.is_success:
            raise failure_of(response, self._meanings)
        try:
            return msgspec.json.decode(response.content, type=result)
        except msgspec.DecodeError:
            raise unintelligible(response.status_code) from None

    def _refuse(self, response: httpx.Response) -> NoReturn:
        if response.status_code in (404, 410):
            raise Refused("not_found", "the file is no longer there")
        raise failure_of(response, self._meanings)
