"""Logging in."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from libs.common.clock import new_id, now
from libs.common.errors import Problem
from services.auth.domain import sessions
from services.auth.domain.sessions import Session, Tokens
from services.auth.handlers.accounts import Accounts
from services.auth.handlers.passwords import Passwords


class SessionStore(Protocol):
    async def keep_session(self, session: Session) -> None: ...


@dataclass(frozen=True)
class Sessions:
    store: SessionStore
    accounts: Accounts
    passwords: Passwords
    sign: Callable[[Mapping[str, Any]], str]

    async def log_in(self, username: str, password: str) -> Tokens:
        """Raises `Problem` 401, in the same words and after the same work for an unknown user and a wrong password."""
        user = await self.accounts.profile(username)
        is_right = await self.passwords.matches(password, user.password_hash if user else None)
        if user is None or not is_right:
            raise Problem(401, "invalid_credentials", "The username or the password is wrong.")
        session_id, at = new_id(), now()
        refresh_token = f"{session_id}.{secrets.token_urlsafe(32)}"
        await self.store.keep_session(sessions.session(user, session_id, refresh_token, at))
        return Tokens(self.sign(sessions.claims(user, session_id, new_id(), at)), refresh_token)
