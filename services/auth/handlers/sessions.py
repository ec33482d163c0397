"""Logging in, refreshing and ending sessions."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from libs.common.clock import new_id, now
from libs.common.errors import Problem
from services.auth.domain import sessions
from services.auth.domain.accounts import User
from services.auth.domain.sessions import MAX_SESSIONS, RefreshToken, Session, Tokens, Verdict, judge
from services.auth.handlers.accounts import Accounts
from services.auth.handlers.guard import Guard
from services.auth.handlers.passwords import Passwords

log = logging.getLogger(__name__)


class Kept(NamedTuple):
    """A session as it was found: `revision` changes with it."""

    session: Session
    revision: int
    lease: int


class SessionStore(Protocol):
    async def keep(self, session: Session) -> None: ...
    async def find(self, session_id: str) -> Kept | None: ...
    async def ids_of(self, username: str) -> list[str]: ...
    async def replace(self, kept: Kept, session: Session) -> bool: ...
    async def end(self, session_id: str, kept: Kept | None) -> bool: ...


class Signer(Protocol):
    def sign(self, claims: Mapping[str, Any]) -> str: ...
    def session_id(self, access_token: str) -> str | None: ...


@dataclass(frozen=True)
class Sessions:
    store: SessionStore
    accounts: Accounts
    passwords: Passwords
    guard: Guard
    signer: Signer

    async def log_in(self, username: str, password: str, address: str) -> Tokens:
        """Raises `Problem` 401, in the same words and after the same work for an unknown user and a wrong password.

        429 to who has failed too often, the caller's `address` considered, whether the password is right or not.
        """
        with self.guard.attempt(username, address) as attempt:
            user = await self.accounts.profile(username)
            attempt.is_right = await self.passwords.matches(password, user.password_hash if user else None)
        if user is None or not attempt.is_right:
            raise Problem(401, "invalid_credentials", "The username or the password is wrong.")
        token = RefreshToken(new_id(), secrets.token_urlsafe(16), secrets.token_urlsafe(32))
        at = now()
        await self.store.keep(sessions.begin(username, token, at))
        await self._end_oldest(username)
        return self._tokens(user, token, at)

    async def refresh(self, refresh_token: str) -> Tokens:
        """Raises `Problem` 401. Of many at once one rotates; the others find what it left and repeat its answer."""
        token = sessions.read_refresh_token(refresh_token)
        while token is not None:
            at = now()
            kept = await self.store.find(token.session_id)
            user = await self.accounts.profile(kept.session.username) if kept else None
            if kept is None or user is None:
                break
            verdict = judge(kept.session, token, at)
            if verdict is Verdict.FOREIGN:
                break
            if verdict is Verdict.REUSED:
                await self._end_stolen(kept)
                break
            if after := await self._rotated(kept, token, verdict, at):
                return self._tokens(user, sessions.successor(token, after.salt), at)
        raise Problem(401, "invalid_credentials", "The refresh token is not valid, or not any more: log in again.")

    async def revoke(self, token: str) -> None:
        """Ends the session of a refresh or access token, also of one that has expired; other words change nothing."""
        if refresh := sessions.read_refresh_token(token):
            kept = await self.store.find(refresh.session_id)
            if kept is not None and sessions.is_of(kept.session, refresh):
                await self._end(refresh.session_id)
        elif session_id := self.signer.session_id(token):
            await self._end(session_id)

    async def _rotated(self, kept: Kept, token: RefreshToken, verdict: Verdict, at: datetime) -> Session | None:
        """The session whose newest token is the successor of this one; None: it changed meanwhile, look again."""
        if verdict is Verdict.REPEAT:
            return kept.session
        after = sessions.rotate(kept.session, token, secrets.token_urlsafe(32), at)
        return after if await self.store.replace(kept, after) else None

    async def _end_stolen(self, kept: Kept) -> None:
        log.warning(
            "a refresh token of %s was used twice: session %s ends", kept.session.username, kept.session.session_id
        )
        await self._end(kept.session.session_id)

    async def _end_oldest(self, username: str) -> None:
        """After the newest is kept, so that of two log-ins at once the later one counts both."""
        for session_id in (await self.store.ids_of(username))[:-MAX_SESSIONS]:
            await self._end(session_id)

    async def _end(self, session_id: str) -> None:
        """For good: a session that changes meanwhile is looked at again."""
        while not await self.store.end(session_id, await self.store.find(session_id)):
            pass

    def _tokens(self, user: User, refresh_token: RefreshToken, at: datetime) -> Tokens:
        claims = sessions.claims(user, refresh_token.session_id, new_id(), at)
        return Tokens(self.signer.sign(claims), str(refresh_token))
