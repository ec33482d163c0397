"""Calls of the Bot API: one request each, with a deadline, and its failures in the words of the contract."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from connectors.http import SLOWEST, download, request
from connectors.multipart import Form
from connectors.sdk import OutboundFile, Refused
from connectors.telegram.failures import Parameters, failure_of, unintelligible
from connectors.telegram.settings import Settings

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True):
    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    error_code: int = 0
    description: str = ""
    parameters: Parameters = Parameters()


class Api:
    """Safe for many tasks at once; raises `Unreachable` (also as `Moved`), `Throttled`, `Refused`."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self._http = http
        self._settings = settings

    async def call(self, method: str, parameters: Mapping[str, Any], result: type[T]) -> T:
        return await self._post(method, result, self._settings.timeout_s, json=parameters)

    async def upload(
        self, method: str, fields: Mapping[str, str], file: OutboundFile, content: AsyncIterator[bytes], result: type[T]
    ) -> T:
        """`fields` are those of a form: what is no text comes as JSON."""
        form = Form(fields, "document", file, content)
        deadline_s = self._settings.timeout_s + file.size / SLOWEST
        return await self._post(method, result, deadline_s, content=form, headers=form.headers)

    def download(self, path: str) -> AsyncIterator[bytes]:
        url = f"{self._settings.base_url}/file/bot{self._settings.token}/{quote(path)}"
        return download(self._http, url, {}, self._settings.timeout_s, _refuse)

    async def _post(self, method: str, result: type[T], deadline_s: float, **body: Any) -> T:
        url = f"{self._settings.base_url}/bot{self._settings.token}/{method}"
        response = await request(self._http, "POST", url, deadline_s, **body)
        return _read(response.status_code, response.content, result)


def _refuse(response: httpx.Response) -> NoReturn:
    if response.status_code == 404:
        raise Refused("not_found", "the file is no longer there")
    _read(response.status_code, response.content, object)
    raise unintelligible(response.status_code)


def _read(status: int, body: bytes, result: type[T]) -> T:
    try:
        answer = msgspec.json.decode(body, type=Answer)
        if answer.ok:
            return msgspec.json.decode(answer.result, type=result)
    except msgspec.DecodeError:
        raise unintelligible(status) from None
    raise failure_of(answer.error_code or status, answer.description, answer.parameters)
