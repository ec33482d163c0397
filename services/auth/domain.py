"""What a valid account is, and what an access token and a session say."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

ACCESS_LIVES = timedelta(hours=1)
REFRESH_LIVES = timedelta(days=30)
_USERNAME = re.compile(r"[a-z][a-z0-9._-]{2,63}")
_NOT_SHOWN = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of surrogate pairs, line and paragraph ends


@dataclass(frozen=True, slots=True)
class User:
    username: str
    display_name: str
    password_hash: str
    created_at: datetime
    roles: tuple[str, ...] = ("user",)


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


def is_username(value: str) -> bool:
    return _USERNAME.fullmatch(value) is not None


def username_fault(value: str) -> str | None:
    """Why this is no username, in words for people; None if it is one. So for the other faults."""
    if is_username(value):
        return None
    return "3 to 64 characters of a-z, 0-9, '.', '_' and '-', the first of them a letter."


def text_fault(value: str) -> str | None:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        return "Must be valid Unicode without the character NUL."
    return None


def password_fault(value: str) -> str | None:
    if fault := text_fault(value):
        return fault
    if len(value) < 10:
        return "At least 10 characters."
    if len(value.encode()) > 72:
        return "At most 72 bytes in UTF-8: bcrypt takes no more."
    return None


def display_name_fault(value: str) -> str | None:
    if not 1 <= len(value) <= 64:
        return "1 to 64 characters."
    if any(unicodedata.category(character) in _NOT_SHOWN for character in value):
        return "Must be valid Unicode without control characters and line ends."
    if value.isspace():
        return "Must not be blank."
    return None


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
