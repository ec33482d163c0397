"""Which accounts this platform has, and which answer for people: names without secrets, told by the router."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NoReturn

import msgspec

from libs.common.errors import Unavailable
from libs.common.etcd import Etcd

PREFIX = "/parley/configured/"
KEY = f"{PREFIX}accounts"
FOR_PEOPLE = f"{PREFIX}for-people"
"""Of accounts that may use the longer window of their channel."""
AGAIN_S = 1.0

log = logging.getLogger(__name__)

Accounts = Mapping[str, Sequence[str]]
"""channel → the names of its accounts, the first first"""
NONE: Accounts = MappingProxyType({})
_accounts = msgspec.json.Decoder(dict[str, list[str]])


async def tell(registry: Etcd, accounts: Accounts, for_people: Accounts) -> None:
    """Returns when it is told; it holds until another is, also while nobody runs who knows them."""
    while True:
        try:
            await registry.put(FOR_PEOPLE, msgspec.json.encode(for_people))
            return await registry.put(KEY, msgspec.json.encode(accounts))
        except Unavailable as reason:
            log.warning("which accounts are configured is told later: %s", reason)
            await asyncio.sleep(AGAIN_S)


class Configured:
    """As etcd last told; while etcd is away it stays as it was."""

    def __init__(self, registry: Etcd) -> None:
        self._registry = registry
        self._accounts: Accounts | None = None
        self._for_people: Accounts = NONE

    def channels(self) -> Collection[str]:
        """Those that have an account. Raises `Unavailable` until etcd has told for the first time."""
        return self.accounts().keys()

    def accounts(self) -> Accounts:
        """Of the channels that have some. Raises as `channels` does."""
        if self._accounts is None:
            raise Unavailable("etcd", "which channels are configured is not known yet")
        return self._accounts

    def for_people(self) -> Accounts:
        """Those of them that answer for people of ours; none while that is not known."""
        return self._for_people

    async def run(self) -> NoReturn:
        await self._registry.watch(PREFIX, self._on_snapshot, self._on_change)

    def _on_snapshot(self, snapshot: Mapping[str, bytes]) -> None:
        for key in (FOR_PEOPLE, KEY):
            self._on_change(key, snapshot.get(key))

    def _on_change(self, key: str, value: bytes | None) -> None:
        """What is no word of the router's must not stop the watch."""
        try:
            told = _accounts.decode(value or b"{}")
        except msgspec.DecodeError:
            log.error("%s does not say which accounts are configured", key)
            return
        accounts = {channel: names for channel, names in told.items() if names}
        if key == FOR_PEOPLE:
            self._for_people = accounts
        elif key == KEY:
            self._accounts = accounts
