"""Users with tokens, made past bcrypt, and what they say of their channels."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from libs.common import etcd
from libs.common.clock import new_id, now
from services.auth.domain.accounts import User
from services.auth.domain.sessions import claims
from services.auth.store.accounts import EtcdAccounts
from services.auth.store.keys import KeyRing

MakeSomeone = Callable[[], Awaitable["Someone"]]


@dataclass
class Someone:
    """A user with a token; nobody waits for bcrypt here."""

    auth: httpx.AsyncClient
    username: str
    headers: dict[str, str]

    async def put(self, channel: str, address: str) -> httpx.Response:
        url = f"/v1/users/me/channels/{channel}"
        return await self.auth.put(url, json={"address": address}, headers=self.headers)

    async def delete(self, channel: str) -> httpx.Response:
        return await self.auth.delete(f"/v1/users/me/channels/{channel}", headers=self.headers)

    async def verify(self, channel: str, code: str) -> httpx.Response:
        url = f"/v1/users/me/channels/{channel}/verify"
        return await self.auth.post(url, json={"code": code}, headers=self.headers)

    async def mapped(self) -> dict[str, str]:
        """What is in use: channel → address."""
        return {one["channel"]: one["address"] for one in await self.shown() if one["in_use"]}

    async def shown(self) -> list[dict[str, Any]]:
        me = (await self.auth.get("/v1/users/me", headers=self.headers)).json()
        return list(me["channels"])


async def make_someone(auth: httpx.AsyncClient, registry: etcd.Etcd, keys: Path) -> Someone:
    user = User(f"u{new_id()}", "Somebody", "", now())
    await EtcdAccounts(registry).create_user(user)
    token = KeyRing(keys).sign(claims(user, new_id(), new_id(), now()))
    return Someone(auth, user.username, {"authorization": f"Bearer {token}"})
