"""Users in etcd."""

import msgspec

from libs.common.etcd import Etcd
from services.auth.domain.accounts import User

_encode = msgspec.json.Encoder().encode
_user = msgspec.json.Decoder(User).decode


class EtcdAccounts:
    def __init__(self, registry: Etcd) -> None:
        self._registry = registry

    async def user(self, username: str) -> User | None:
        value = await self._registry.get(_user_key(username))
        return None if value is None else _user(value)

    async def create_user(self, user: User) -> bool:
        """False if the name is taken: one transaction decides."""
        return await self._registry.create(_user_key(user.username), _encode(user))


def _user_key(username: str) -> str:
    return f"/parley/users/{username}"
