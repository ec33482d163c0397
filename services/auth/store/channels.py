"""Mappings in etcd: a user's address on a channel, and an address's user, always written together."""

from datetime import datetime

import msgspec

from libs.common.etcd import Delete, Etcd, Put, Unchanged
from services.auth.domain.channels import Mapping
from services.auth.handlers.channels import Kept, Owner


class _Value(msgspec.Struct, frozen=True, omit_defaults=True):
    address: str
    created_at: datetime
    verified_at: datetime | None = None


_read = msgspec.json.Decoder(_Value).decode


class EtcdMappings:
    def __init__(self, registry: Etcd) -> None:
        self._registry = registry

    async def of(self, username: str) -> list[Mapping]:
        """In the order of the channels' names."""
        prefix = mapping_key(username, "")
        found = await self._registry.list(prefix)
        return [_mapping(key.removeprefix(prefix), value) for key, value in found.items()]

    async def find(self, username: str, channel: str) -> Kept:
        found = await self._registry.find(mapping_key(username, channel))
        return Kept(_mapping(channel, found.value), found.revision) if found else Kept(None, 0)

    async def owner(self, channel: str, address: str) -> Owner:
        found = await self._registry.find(address_key(channel, address))
        return Owner(found.value.decode(), found.revision) if found else Owner("", 0)

    async def replace(self, username: str, kept: Kept, owner: Owner, mapping: Mapping) -> bool:
        """False, and nothing changed, if mapping or owner are not as they were found; the old address is free then."""
        key = mapping_key(username, mapping.channel)
        address = address_key(mapping.channel, mapping.address)
        value = mapping_value(mapping)
        freed = [Delete(address_key(mapping.channel, kept.mapping.address))] if kept.mapping else []
        return await self._registry.commit(
            [Unchanged(key, kept.revision), Unchanged(address, owner.revision)],
            [Put(key, value), Put(address, username.encode()), *freed],
        )

    async def remove(self, username: str, kept: Kept) -> bool:
        """False, and nothing changed, if the mapping is not as it was found."""
        if kept.mapping is None:
            return True
        key = mapping_key(username, kept.mapping.channel)
        freed = Delete(address_key(kept.mapping.channel, kept.mapping.address))
        return await self._registry.commit([Unchanged(key, kept.revision)], [Delete(key), freed])


def mapping_value(mapping: Mapping) -> bytes:
    return msgspec.json.encode(_Value(mapping.address, mapping.created_at, mapping.verified_at))


def _mapping(channel: str, value: bytes) -> Mapping:
    read = _read(value)
    return Mapping(channel, read.address, read.created_at, read.verified_at)


def mapping_key(username: str, channel: str) -> str:
    return f"/parley/channels/{username}/{channel}"


def address_key(channel: str, address: str) -> str:
    return f"/parley/addresses/{channel}/{address}"
