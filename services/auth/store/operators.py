"""Roles in etcd: a user's own say what the next token says; the list of operators is written with them."""

from libs.common.etcd import Delete, Etcd, Put, Unchanged
from services.auth.domain.accounts import OPERATOR, User
from services.auth.handlers.operators import Found
from services.auth.store.accounts import read_user, user_key, written

PREFIX = "/parley/operators/"


class EtcdRoles:
    def __init__(self, registry: Etcd) -> None:
        self._registry = registry

    async def find(self, username: str) -> Found | None:
        found = await self._registry.find(user_key(username))
        return Found(read_user(found.value), found.revision) if found else None

    async def change_roles(self, found: Found, user: User) -> bool:
        """False, and nothing changed, if the user is not as found."""
        key = user_key(user.username)
        entry = PREFIX + user.username
        listed = Put(entry, b"") if OPERATOR in user.roles else Delete(entry)
        return await self._registry.commit([Unchanged(key, found.revision)], [Put(key, written(user)), listed])

    async def operators(self) -> list[str]:
        return [key.removeprefix(PREFIX) for key in await self._registry.list(PREFIX)]
