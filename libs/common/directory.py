"""Who can be reached where: every user's addresses on external channels, as etcd last told."""

import asyncio
import logging
from collections.abc import Mapping
from typing import NoReturn

import msgspec

from libs.common.errors import Unavailable
from libs.common.etcd import Etcd
from libs.common.routing import Addresses

PREFIX = "/parley/channels/"

log = logging.getLogger(__name__)


class _Mapping(msgspec.Struct):
    address: str


_mapping = msgspec.json.Decoder(_Mapping)


class ChannelDirectory:
    """Complete, in memory (about 300 bytes an address), and never asked over the network: while etcd is away it stays
    as it was, which is exact but for the last moment, because nobody can change a mapping either.
    """

    def __init__(self, registry: Etcd) -> None:
        self._registry = registry
        self._addresses: dict[str, dict[str, str]] = {}
        self._users: dict[tuple[str, str], str] = {}
        self.is_known = asyncio.Event()

    def addresses(self) -> Addresses | None:
        """None until etcd has told for the first time."""
        return self._addresses if self.is_known.is_set() else None

    def user_of(self, channel: str, address: str) -> str | None:
        """Who has mapped this address. Raises `Unavailable` until etcd has told for the first time."""
        if not self.is_known.is_set():
            raise Unavailable("etcd", "the addresses of users are not known yet")
        return self._users.get((channel, address))

    async def is_user(self, username: str) -> bool:
        """Asked of etcd each time. Raises `Unavailable`."""
        key = f"/parley/users/{username}"
        return key in await self._registry.present([key])

    async def run(self) -> NoReturn:
        await self._registry.watch(PREFIX, self._on_snapshot, self._on_change)

    async def check(self) -> None:
        """For readiness: external channels can be resolved."""
        if not self.is_known.is_set():
            raise Unavailable("etcd", "the addresses of users are not known yet")

    def _on_snapshot(self, snapshot: Mapping[str, bytes]) -> None:
        self._addresses, self._users = {}, {}
        for key, value in snapshot.items():
            self._on_change(key, value)
        self.is_known.set()

    def _on_change(self, key: str, value: bytes | None) -> None:
        username, _, channel = key.removeprefix(PREFIX).partition("/")
        self._free(channel, username)
        address = _address(key, value)
        if address is not None:
            self._addresses.setdefault(username, {})[channel] = address
            self._users[channel, address] = username
        elif (known := self._addresses.get(username)) is not None:
            known.pop(channel, None)
            if not known:
                del self._addresses[username]

    def _free(self, channel: str, username: str) -> None:
        """The address that they had, unless it is another's by now."""
        before = self._addresses.get(username, {}).get(channel)
        if before is not None and self._users.get((channel, before)) == username:
            del self._users[channel, before]


def _address(key: str, value: bytes | None) -> str | None:
    """None also for what is no mapping: it must not stop the watch."""
    try:
        return None if value is None else _mapping.decode(value).address
    except msgspec.DecodeError:
        log.error("%s holds no mapping", key)
        return None
