"""Auth's public keys (JWKS): read anew in the background, and before a token of an unknown key is refused."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, NoReturn

import httpx
import jwt

from libs.common.errors import Unavailable

ALGORITHM = "ES256"
READ_EVERY_S = 20.0  # a new key is published for 65 s before it signs: two readings may fail
DEADLINE_S = 5.0
PAUSE_S = 0.5  # between two readings: a flood of tokens with made-up `kid`s costs auth one request in this time
MAX_WAITING = 1_000  # requests with unknown `kid`s, 20 KB each


def client(url: str) -> httpx.AsyncClient:
    """For the requests to auth at this URL alone; whom TLS may trust is 2 MiB, loaded where TLS is spoken."""
    return httpx.AsyncClient(verify=url.startswith("https:"))


class PublishedKeys:
    """Whoever asks for an unknown key waits for a reading that began after they asked."""

    def __init__(self, url: str, http: httpx.AsyncClient, on_withdrawn: Callable[[], None] = lambda: None) -> None:
        """`on_withdrawn` is called when a key is not published any more."""
        self._url = url
        self._http = http
        self._on_withdrawn = on_withdrawn
        self._keys: dict[str, Any] = {}
        self._reading = asyncio.Lock()
        self._begun_at = self._ended_at = float("-inf")
        self._has_answered = True
        self._waiting = 0

    async def run(self) -> NoReturn:
        """For ever."""
        while True:
            with contextlib.suppress(Unavailable):
                await self._read_after_now()
            await asyncio.sleep(READ_EVERY_S)

    async def check(self) -> None:
        """For readiness: there are keys."""
        if not self._keys:
            await self._read_after_now()

    async def find(self, key_id: str) -> Any | None:
        """None: it is not published at this moment. Raises `Unavailable` where that cannot be told."""
        if key_id not in self._keys:
            if self._waiting >= MAX_WAITING:
                raise Unavailable("auth", "too many tokens of unknown keys")
            self._waiting += 1
            try:
                await self._read_after_now()
            finally:
                self._waiting -= 1
        return self._keys.get(key_id)

    async def _read_after_now(self) -> None:
        """Many at once share a reading, and its failure; whoever comes shortly after a failure shares it too."""
        came_at = time.monotonic()
        async with self._reading:
            has_just_failed = not self._has_answered and self._pause_s() > 0
            if self._begun_at <= came_at and not has_just_failed:
                await asyncio.sleep(self._pause_s())
                await self._read()
        if not self._has_answered:
            raise Unavailable("auth", f"no public keys from {self._url}")

    def _pause_s(self) -> float:
        """What is left of it."""
        return max(0.0, self._ended_at + PAUSE_S - time.monotonic())

    async def _read(self) -> None:
        """One that is cancelled counts for nobody else."""
        begun_at = time.monotonic()
        try:
            answer = await self._http.get(self._url, timeout=DEADLINE_S)
            answer.raise_for_status()
            self._take({key["kid"]: jwt.PyJWK(key, ALGORITHM).key for key in answer.json()["keys"]})
            self._has_answered = True
        except (httpx.HTTPError, jwt.PyJWTError, KeyError, TypeError, ValueError):
            self._has_answered = False
        finally:
            self._ended_at = time.monotonic()
        self._begun_at = begun_at

    def _take(self, keys: dict[str, Any]) -> None:
        withdrawn = self._keys.keys() - keys.keys()
        self._keys = keys
        if withdrawn:
            self._on_withdrawn()
