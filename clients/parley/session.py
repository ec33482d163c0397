"""The tokens of one log-in: renewed once when they near their end or are refused, however many calls ask."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from msgspec import Struct

from clients.parley.errors import ParleyError, ProblemError, SessionEndedError
from clients.parley.objects import Tokens

EARLY_S = 60.0
EARLY_SHARE = 0.1  # of a token's life, for short-lived ones
AGAIN_S = 5.0  # after a renewal that failed while the token was still good
REFUSED = (400, 401)
NEVER = 1e11  # seconds since 1970, far ahead and still a number in JSON

Exchange = Callable[[str], Awaitable[Tokens]]


class Grant(Struct, frozen=True):
    """Tokens in use; the times are seconds since 1970, so that they mean the same in another process."""

    access_token: str
    refresh_token: str | None = None
    renew_at: float = NEVER
    expires_at: float = NEVER


class Keeper(Protocol):
    """Where the tokens live. What several processes share is locked while one of them renews it."""

    def load(self) -> Grant | None: ...
    def save(self, grant: Grant | None) -> None: ...
    def locked(self) -> AbstractAsyncContextManager[None]: ...


class InMemory:
    """For a client that shares its tokens with nobody."""

    def __init__(self, grant: Grant | None = None) -> None:
        self._grant = grant

    def load(self) -> Grant | None:
        return self._grant

    def save(self, grant: Grant | None) -> None:
        self._grant = grant

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        yield


def grant_of(tokens: Tokens, now: float) -> Grant:
    """What the token call answered, with its lives counted from `now`."""
    early_s = min(EARLY_S, tokens.expires_in * EARLY_SHARE)
    expires_at = now + tokens.expires_in
    return Grant(tokens.access_token, tokens.refresh_token, expires_at - early_s, expires_at)


class Session:
    """Gives each call the token to use, and another one when that was refused.

    A refresh token works once: a renewal that has begun is finished whatever happens to the call that asked."""

    def __init__(self, exchange: Exchange, keeper: Keeper) -> None:
        self._exchange = exchange
        self._keeper = keeper
        self._grant = keeper.load()
        self._renewal: asyncio.Task[None] | None = None
        self._not_before = 0.0

    @property
    def grant(self) -> Grant | None:
        """The tokens now; None before log-in and after log-out."""
        return self._grant

    def take(self, grant: Grant | None) -> None:
        """Use and keep these from here on."""
        self._grant = grant
        self._keeper.save(grant)

    async def token(self) -> str | None:
        """The access token for a call now; one near its end is renewed first if that is possible."""
        grant = self._grant
        if grant is None:
            return None
        now = time.time()
        if grant.refresh_token is None or now < max(grant.renew_at, self._not_before):
            return grant.access_token
        try:
            return await self.renew(grant.access_token)
        except ParleyError as error:
            if isinstance(error, SessionEndedError) or time.time() >= grant.expires_at:
                raise
            self._not_before = time.time() + AGAIN_S
            return grant.access_token

    async def renew(self, refused: str) -> str | None:
        """Another access token than `refused`, None where there is nothing to renew it with.

        Raises `SessionEndedError` when the session is over, another `ParleyError` when it could not be asked."""
        grant = self._grant
        if grant is None or grant.access_token != refused:
            return grant.access_token if grant else None
        if grant.refresh_token is None:
            return None
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(grant))
            self._renewal.add_done_callback(self._renewed)
        await asyncio.shield(self._renewal)
        return self._grant.access_token if self._grant else None

    async def settled(self) -> None:
        """Returns when no renewal is under way."""
        if self._renewal is not None:
            await asyncio.wait([self._renewal])

    def _renewed(self, renewal: asyncio.Task[None]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # told to those who wait, if any still do

    async def _renew(self, old: Grant) -> None:
        async with self._keeper.locked():
            kept = self._keeper.load()
            if kept is not None and kept.access_token != old.access_token:
                self._grant = kept
                return
            if kept is None or kept.refresh_token is None:
                raise SessionEndedError.logged_out()
            self.take(grant_of(await self._exchanged(kept.refresh_token), time.time()))

    async def _exchanged(self, refresh_token: str) -> Tokens:
        try:
            return await self._exchange(refresh_token)
        except ProblemError as error:
            if error.status in REFUSED:
                raise SessionEndedError(error.problem) from error
            raise
