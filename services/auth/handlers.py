"""Registering, logging in and looking up users; bcrypt runs beside the event loop, in a bounded queue."""

import asyncio
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeVar
from weakref import WeakValueDictionary

import bcrypt

from libs.common.clock import new_id, now
from libs.common.errors import Problem
from services.auth import domain
from services.auth.domain import Session, Tokens, User

COST = 12  # about 0.25 s of one core
MAX_BYTES = 72  # bcrypt's limit
QUEUE_PER_CORE = 32  # the last in the queue waits 32 · 0.25 = 8 s, less than a caller's usual patience
RETRY_AFTER_S = 5
NOBODYS_HASH = b"$2b$12$YHqV18ykkmzmawqYH.fnKOEdZE6DVqwdqFHVzmRMlVeoaL3sDpQZC"


T = TypeVar("T")


class AccountStore(Protocol):
    async def user(self, username: str) -> User | None: ...
    async def create_user(self, user: User) -> bool: ...
    async def keep_session(self, session: Session) -> None: ...


class Passwords:
    """Hashes and compares, one password a core at a time; past the queue's bound it raises `Problem` 503."""

    def __init__(self, cores: int) -> None:
        self._threads = ThreadPoolExecutor(cores, "bcrypt", initializer=_let_others_go_first)
        self._bound = cores * (1 + QUEUE_PER_CORE)
        self._under_way = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        return (await self._run(bcrypt.hashpw, password.encode(), bcrypt.gensalt(COST))).decode()

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """The same work whether there is a hash to compare with or not."""
        given = password.encode()
        if password_hash is None or len(given) > MAX_BYTES:
            await self._run(bcrypt.checkpw, given[:MAX_BYTES], NOBODYS_HASH)
            return False
        return await self._run(bcrypt.checkpw, given, password_hash.encode())

    async def _run(self, function: Callable[[bytes, bytes], T], password: bytes, salt: bytes) -> T:
        if self._under_way >= self._bound:
            words = "Too many passwords are being checked at the moment; try again."
            raise Problem(503, "busy", words, retry_after_s=RETRY_AFTER_S)
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, password, salt)
        finally:
            self._under_way -= 1


def _let_others_go_first() -> None:
    """A long computation at full priority would make the event loop, and every other process, wait for its turn."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


@dataclass(frozen=True)
class Accounts:
    store: AccountStore
    passwords: Passwords
    sign: Callable[[Mapping[str, Any]], str]
    _names: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def register(self, username: str, password: str, display_name: str | None) -> User:
        """Raises `Problem` 409 if the name is taken.

        The store decides in one transaction; the look before it and the turn taking only spare the work of hashing.
        """
        async with self._names.setdefault(username, asyncio.Lock()):
            if await self.store.user(username) is not None:
                raise _taken(username)
            user = User(username, display_name or username, await self.passwords.hash(password), now())
            if not await self.store.create_user(user):
                raise _taken(username)
            return user

    async def log_in(self, username: str, password: str) -> Tokens:
        """Raises `Problem` 401, in the same words and after the same work for an unknown user and a wrong password."""
        user = await self.profile(username)
        is_right = await self.passwords.matches(password, user.password_hash if user else None)
        if user is None or not is_right:
            raise Problem(401, "invalid_credentials", "The username or the password is wrong.")
        session_id, at = new_id(), now()
        refresh_token = f"{session_id}.{secrets.token_urlsafe(32)}"
        await self.store.keep_session(domain.session(user, session_id, refresh_token, at))
        return Tokens(self.sign(domain.claims(user, session_id, new_id(), at)), refresh_token)

    async def profile(self, username: str) -> User | None:
        """None also for what cannot be a username."""
        return await self.store.user(username) if domain.is_username(username) else None


def _taken(username: str) -> Problem:
    return Problem(409, "username_taken", f"The username {username} is taken.")
