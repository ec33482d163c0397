"""Users in etcd."""

import msgspec

from libs.common.etcd import Etcd
from services.auth.domain.accounts import User

written = msgspec.json.Encoder().encode
read_user = msgspec.json.Decoder(User).decode


class EtcdAccounts:
    def __init__(self, registry: Etcd) -> None:
        self._registry = registry

    async def user(self, username: str) -> User | None:
        value = await self._registry.get(user_key(username))
        return None if value is None else read_user(value)

    async def create_user(self, user: User) -> bool:
        """False if the name is taken: one transaction decides."""
        return await self._registry.create(user_key(user.username), written(user))


def user_key(username: str) -> str:
    return f"/parley/users/{username}"
