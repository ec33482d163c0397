"""Calls of one user to the gateway, by plain HTTP; what is refused or breaks is asked again."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bench.http import Answer, Connection, head

DEADLINE_S = 10.0
AGAIN_S = 0.2
Json = dict[str, Any]


class Caller:
    """One connection, one request at a time; whoever needs more at once makes more callers."""

    def __init__(self, url: str, token: str = "") -> None:
        where = urlsplit(url)
        self.token = token
        self._where = where
        self._connection = self._new()

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """One attempt. Raises `ConnectionError`, also where no answer comes within `DEADLINE_S`."""
        content = b"" if body is None else msgspec.json.encode(body)
        request = head(method, path, self._where.netloc, self.token, len(content)) + content
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await self._connection.ask(request)
        except (TimeoutError, OSError) as error:
            self._renew()
            raise ConnectionError(str(error) or "no answer") from None
        except BaseException:
            self._renew()  # the answer may still come, and must not be taken for the next one's
            raise

    async def get(self, path: str, within_s: float = 120.0) -> Json:
        return await self.insist("GET", path, None, within_s)

    async def insist(self, method: str, path: str, body: object, within_s: float = 120.0) -> Json:
        """Asks until it is answered; raises `AssertionError` for a refusal that is no 429, 502, 503 or 504."""
        async with asyncio.timeout(within_s):
            while True:
                try:
                    answer = await self.ask(method, path, body)
                except ConnectionError:
                    await asyncio.sleep(AGAIN_S)
                    continue
                if answer.status < 300:
                    return dict(msgspec.json.decode(answer.body))
                assert answer.status in (429, 502, 503, 504), f"{method} {path}: {answer.status} {answer.body!r}"
                await asyncio.sleep(max(AGAIN_S, min(answer.retry_after_s, 1.0)))

    def close(self) -> None:
        self._connection.close()

    def _renew(self) -> None:
        self._connection.close()
        self._connection = self._new()

    def _new(self) -> Connection:
        return Connection(self._where.hostname or "127.0.0.1", self._where.port or 80)


def decoded(answer: Answer) -> Mapping[str, Any]:
    """Empty for what is no JSON object."""
    try:
        found = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
