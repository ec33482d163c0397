"""What an access token and a session say, and what a refresh token may do."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from services.auth.domain.accounts import User

ACCESS_LIVES = timedelta(hours=1)
REFRESH_LIVES = timedelta(days=30)
GRACE = timedelta(seconds=10)
MAX_SESSIONS = 100  # of one user; the oldest end
LEASE_SLACK = timedelta(days=1)  # so that a session that is refreshed every hour needs a new lease once a day
_REFRESH_TOKEN = re.compile(r"([0-9a-f-]{36})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in, and the family of its refresh tokens: of these only digests are kept.

    `expires_at` binds: a lease may outlive it. `salt` is what the newest token was derived with from the previous.
    """

    session_id: str
    username: str
    created_at: datetime
    expires_at: datetime
    leased_until: datetime
    family_sha256: str
    refresh_sha256: str
    previous_sha256: str = ""
    salt: str = ""
    rotated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """`family` stays the same in all tokens of a session and tells an old one from a made-up one."""

    session_id: str
    family: str
    secret: str

    def __str__(self) -> str:
        return f"{self.session_id}.{self.family}.{self.secret}"

    def digest(self) -> str:
        return digest(str(self))


@dataclass(frozen=True, slots=True)
class Tokens:
    access_token: str
    refresh_token: str


class Verdict(Enum):
    """Of a refresh token: it works now; its answer is repeated; somebody used it twice; it is not of this session."""

    ROTATE = auto()
    REPEAT = auto()
    REUSED = auto()
    FOREIGN = auto()


def read_refresh_token(token: str) -> RefreshToken | None:
    """None for what cannot be one."""
    found = _REFRESH_TOKEN.fullmatch(token)
    return RefreshToken(*found.groups()) if found else None


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


def begin(username: str, token: RefreshToken, at: datetime) -> Session:
    expires_at = at + REFRESH_LIVES
    leased_until = expires_at + LEASE_SLACK
    return Session(token.session_id, username, at, expires_at, leased_until, digest(token.family), token.digest())


def is_of(session: Session, token: RefreshToken) -> bool:
    return digest(token.family) == session.family_sha256


def judge(session: Session, token: RefreshToken, at: datetime) -> Verdict:
    """The previous token is good for a while yet: once its successor is used, it is previous no more."""
    if not is_of(session, token) or at >= session.expires_at:
        return Verdict.FOREIGN
    given = token.digest()
    if given == session.refresh_sha256:
        return Verdict.ROTATE
    if given == session.previous_sha256 and session.rotated_at and at - session.rotated_at <= GRACE:
        return Verdict.REPEAT
    return Verdict.REUSED


def rotate(session: Session, token: RefreshToken, salt: str, at: datetime) -> Session:
    """The session after `token`, which must be its newest, was used; it lives on from here."""
    expires_at = at + REFRESH_LIVES
    is_leased = expires_at <= session.leased_until
    return replace(
        session,
        expires_at=expires_at,
        leased_until=session.leased_until if is_leased else expires_at + LEASE_SLACK,
        refresh_sha256=successor(token, salt).digest(),
        previous_sha256=token.digest(),
        salt=salt,
        rotated_at=at,
    )


def successor(token: RefreshToken, salt: str) -> RefreshToken:
    """The same for the same: neither the token alone nor the salt alone tells it."""
    secret = hmac.digest(token.secret.encode(), salt.encode(), "sha256")
    return replace(token, secret=base64.urlsafe_b64encode(secret).rstrip(b"=").decode())


def digest(token: str) -> str:
    """SHA-256 in hex: enough for a random token of 128 bits or more, which nobody can guess or look up."""
    return hashlib.sha256(token.encode()).hexdigest()
