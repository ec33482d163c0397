"""Requests to a gateway: each with a deadline, repeated only where a repeat cannot do harm."""

import asyncio
import random
import ssl
import time
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from clients.parley.errors import ParleyError, ProblemError, UnreachableError, read_problem
from clients.parley.retry import backoff_s

Body = Mapping[str, Any]
Query = Mapping[str, str | int]

PASSING = (429, 503)
MOST_BYTES = 64 * 1024**2  # of an answer, several times what the longest page has


class Gateway:
    """Connections to one gateway. `attempts` bounds the tries of requests that are safe to repeat.

    The deadlines are those of the calls: some may take longer than others."""

    def __init__(self, url: str, *, attempts: int, verify: ssl.SSLContext | bool) -> None:
        self.url = url
        self._attempts = attempts
        self._http = httpx.AsyncClient(base_url=url, verify=verify, timeout=None, trust_env=False)  # noqa: S113  each try has one

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Query | None = None,
        token: str | None = None,
        repeatable: bool = True,
        end: float,
    ) -> bytes:
        """The body of a 2xx; `end` is on the monotonic clock and holds for all tries together.

        Raises `ProblemError` (refused) or `UnreachableError` (no answer in time)."""
        request = self._request(method, path, body, query, token)
        for attempt in range(1, self._attempts + 1):
            try:
                return await self._try(request, end - time.monotonic())
            except ParleyError as error:
                wait_s = backoff_s(attempt, getattr(error, "retry_after_s", None), random.random())
                too_late = time.monotonic() + wait_s >= end or attempt == self._attempts
                if too_late or not repeatable or not may_pass(error):
                    raise
                await asyncio.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    def _request(
        self, method: str, path: str, body: Body | None, query: Query | None, token: str | None
    ) -> httpx.Request:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode({name: value for name, value in body.items() if value is not None})
        return self._http.build_request(method, path, content=content, params=query, headers=headers)

    async def _try(self, request: httpx.Request, left_s: float) -> bytes:
        try:
            async with asyncio.timeout(left_s):
                answer = await self._http.send(request, stream=True)
                try:
                    content = await self._read(answer)
                finally:
                    await answer.aclose()
        except (httpx.TransportError, TimeoutError) as error:
            raise UnreachableError(f"{self.url} does not answer ({str(error) or 'too late'})") from error
        except httpx.DecodingError as error:
            raise ParleyError(f"{self.url} answers what cannot be read") from error
        if answer.is_success:
            return content
        raise read_problem(answer.status_code, answer.headers, content)

    async def _read(self, answer: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) > MOST_BYTES:
                raise ParleyError(f"{self.url} answers more than {MOST_BYTES} bytes")
        return bytes(content)


def may_pass(error: ParleyError) -> bool:
    """Whether the same may succeed a little later."""
    return isinstance(error, UnreachableError) or (isinstance(error, ProblemError) and error.status in PASSING)
