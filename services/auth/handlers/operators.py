"""Who is an operator: granted and taken on the machine itself, told by the next token."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from services.auth.domain.accounts import OPERATOR, User, is_username


class Found(NamedTuple):
    """A user as found: `revision` changes with it."""

    user: User
    revision: int


class RoleStore(Protocol):
    async def find(self, username: str) -> Found | None: ...
    async def change_roles(self, found: Found, user: User) -> bool: ...
    async def operators(self) -> list[str]: ...


@dataclass(frozen=True)
class Operators:
    store: RoleStore

    async def grant(self, username: str) -> User | None:
        """None: there is no such user. Granting twice changes nothing."""
        return await self._set(username, is_operator=True)

    async def revoke(self, username: str) -> User | None:
        return await self._set(username, is_operator=False)

    async def names(self) -> list[str]:
        return await self.store.operators()

    async def _set(self, username: str, *, is_operator: bool) -> User | None:
        while is_username(username) and (found := await self.store.find(username)):
            others = tuple(role for role in found.user.roles if role != OPERATOR)
            user = replace(found.user, roles=(*others, OPERATOR) if is_operator else others)
            if user == found.user or await self.store.change_roles(found, user):
                return user
        return None
