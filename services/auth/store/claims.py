"""Claims in etcd: addresses that users say are theirs, and how often codes were sent there."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from libs.common.etcd import Delete, Etcd, Put, Unchanged
from services.auth.domain.claims import COUNTED_FOR, Claim
from services.auth.handlers.proving import Change, KeptClaim, Sendings
from services.auth.store.channels import address_key, mapping_key, mapping_value

COUNTED_S = int(COUNTED_FOR.total_seconds()) + 60

_encode = msgspec.json.Encoder().encode
_claim = msgspec.json.Decoder(Claim).decode
_times = msgspec.json.Decoder(list[datetime]).decode


class EtcdClaims:
    """Every change is one transaction; False, and nothing changed, where something is not as it was found."""

    def __init__(self, registry: Etcd) -> None:
        self._registry = registry

    async def of(self, username: str) -> list[Claim]:
        """In the order of the channels' names."""
        return [_claim(value) for value in (await self._registry.list(_claim_key(username, ""))).values()]

    async def find(self, username: str, channel: str) -> KeptClaim:
        found = await self._registry.find(_claim_key(username, channel))
        return KeptClaim(_claim(found.value), found.revision) if found else KeptClaim(None, 0)

    async def sendings(self, username: str, channel: str, address: str) -> tuple[Sendings, Sendings]:
        """To the address, and for the user."""
        of_address = await self._sendings(f"/parley/codes/to/{channel}/{address}")
        return of_address, await self._sendings(f"/parley/codes/for/{username}")

    async def open(self, username: str, before: KeptClaim, claim: Claim, sendings: Collection[Sendings]) -> bool:
        key = _claim_key(username, claim.channel)
        lease = await self._registry.grant_lease(COUNTED_S)
        return await self._registry.commit(
            [Unchanged(key, before.revision), *_as_found(sendings)],
            [Put(key, _encode(claim)), *_as_they_are(sendings, lease)],
        )

    async def count(self, sendings: Collection[Sendings]) -> bool:
        lease = await self._registry.grant_lease(COUNTED_S)
        return await self._registry.commit(_as_found(sendings), _as_they_are(sendings, lease))

    async def change(self, username: str, before: KeptClaim, claim: Claim) -> bool:
        key = _claim_key(username, claim.channel)
        return await self._registry.commit([Unchanged(key, before.revision)], [Put(key, _encode(claim))])

    async def drop(self, username: str, channel: str) -> None:
        await self._registry.delete(_claim_key(username, channel))

    async def prove(self, change: Change) -> bool:
        """The claim becomes the mapping; what the user had there, and who had the address without a proof, lose it."""
        mapping, username = change.mapping, change.username
        key, address = mapping_key(username, mapping.channel), address_key(mapping.channel, mapping.address)
        claim = _claim_key(username, mapping.channel)
        conditions = [
            Unchanged(claim, change.claim.revision),
            Unchanged(key, change.kept.revision),
            Unchanged(address, change.owner.revision),
        ]
        gone: list[Put | Delete] = [Delete(claim), *_freed(change)]
        if change.loser.mapping is not None:
            theirs = mapping_key(change.owner.username, mapping.channel)
            conditions.append(Unchanged(theirs, change.loser.revision))
            gone.append(Delete(theirs))
        writes = [Put(key, mapping_value(mapping)), Put(address, username.encode()), *gone]
        return await self._registry.commit(conditions, writes)

    async def _sendings(self, key: str) -> Sendings:
        found = await self._registry.find(key)
        return Sendings(key, _times(found.value), found.revision) if found else Sendings(key, (), 0)


def _freed(change: Change) -> Sequence[Delete]:
    """The address that the user had before."""
    before = change.kept.mapping
    is_another = before is not None and before.address != change.mapping.address
    return [Delete(address_key(before.channel, before.address))] if before and is_another else []


def _as_found(sendings: Collection[Sendings]) -> list[Unchanged]:
    return [Unchanged(each.key, each.revision) for each in sendings]


def _as_they_are(sendings: Collection[Sendings], lease: int) -> list[Put]:
    return [Put(each.key, _encode(each.times), lease) for each in sendings]


def _claim_key(username: str, channel: str) -> str:
    return f"/parley/claims/{username}/{channel}"
