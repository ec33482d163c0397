"""Registering and looking up users."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakValueDictionary

from libs.common.clock import now
from libs.common.errors import Problem
from services.auth.domain.accounts import User, is_username
from services.auth.handlers.passwords import Passwords


class AccountStore(Protocol):
    async def user(self, username: str) -> User | None: ...
    async def create_user(self, user: User) -> bool: ...


@dataclass(frozen=True)
class Accounts:
    store: AccountStore
    passwords: Passwords
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

    async def profile(self, username: str) -> User | None:
        """None also for what cannot be a username."""
        return await self.store.user(username) if is_username(username) else None


def _taken(username: str) -> Problem:
    return Problem(409, "username_taken", f"The username {username} is taken.")
