"""What an access token and a session say."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.auth.domain.accounts import User

ACCESS_LIVES = timedelta(hours=1)
REFRESH_LIVES = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in; of the refresh token only a digest is kept. `expires_at` binds: a lease may outlive it."""

    session_id: str
    username: str
    refresh_sha256: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Tokens:
    access_token: str
    refresh_token: str


def claims(user: User, session_id: str, token_id: str, at: datetime) -> Mapping[str, Any]:
    """What the access token says of its bearer; who signs and for whom is the signer's part."""
    return {
        "sub": user.username,
        "sid": session_id,
        "roles": list(user.roles),
        "iat": int(at.timestamp()),
        "exp": int((at + ACCESS_LIVES).timestamp()),
        "jti": token_id,
    }


def session(user: User, session_id: str, refresh_token: str, at: datetime) -> Session:
    return Session(session_id, user.username, digest(refresh_token), at, at + REFRESH_LIVES)


def digest(token: str) -> str:
    """SHA-256 in hex: enough for a random token of 256 bits, which nobody can guess or look up."""
    return hashlib.sha256(token.encode()).hexdigest()
