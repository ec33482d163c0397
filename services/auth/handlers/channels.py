"""Mapping users to their addresses on channels: one address, one user."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from libs.common.clock import now
from libs.common.errors import Problem, invalid
from services.auth.domain.channels import Mapping, address_form, canonical, is_channel
from services.auth.domain.claims import Claim

if TYPE_CHECKING:
    from services.auth.handlers.proving import Proving


class Kept(NamedTuple):
    """A mapping as it was found; `revision` 0: there was none."""

    mapping: Mapping | None
    revision: int


class Owner(NamedTuple):
    """Who has an address; `revision` 0: nobody."""

    username: str
    revision: int


class MappingStore(Protocol):
    async def of(self, username: str) -> list[Mapping]: ...
    async def find(self, username: str, channel: str) -> Kept: ...
    async def owner(self, channel: str, address: str) -> Owner: ...
    async def replace(self, username: str, kept: Kept, owner: Owner, mapping: Mapping) -> bool: ...
    async def remove(self, username: str, kept: Kept) -> bool: ...


@dataclass(frozen=True)
class Channels:
    """Where `proving` asks for proofs, a mapping is a claim until its address is proven."""

    store: MappingStore
    proving: "Proving"

    async def of(self, username: str) -> list[Mapping | Claim]:
        """By channel, what is in use before what is only claimed."""
        mappings, claims = await asyncio.gather(self.store.of(username), self.proving.claims.of(username))
        return sorted([*mappings, *claims], key=lambda each: each.channel)

    async def map(self, username: str, channel: str, address: str) -> Mapping | Claim:
        """Raises `Problem` 422, and 409 where the address is somebody else's. The same again changes nothing."""
        plain = _checked(channel, address)
        if self.proving.is_asked:
            return await self.proving.claim(username, channel, plain)
        return await self._map(username, channel, plain)

    async def prove(self, username: str, channel: str, code: str) -> Mapping:
        """Raises `Problem` 404, 409, 410, 422 and 429."""
        _check_channel(channel)
        return await self.proving.prove(username, channel, code)

    async def unmap(self, username: str, channel: str) -> None:
        """What is not there is as good as removed."""
        _check_channel(channel)
        await self.proving.claims.drop(username, channel)
        while (kept := await self.store.find(username, channel)).mapping is not None:
            if await self.store.remove(username, kept):
                return

    async def _map(self, username: str, channel: str, address: str) -> Mapping:
        while True:
            kept = await self.store.find(username, channel)
            if kept.mapping is not None and kept.mapping.address == address:
                return kept.mapping
            owner = await self.store.owner(channel, address)
            if owner.revision and owner.username != username:
                raise taken(channel, address)
            mapping = Mapping(channel, address, now())
            if await self.store.replace(username, kept, owner, mapping):
                return mapping


def taken(channel: str, address: str) -> Problem:
    return Problem(409, "address_taken", f"The {channel} address {address} belongs to another user.")


def _check_channel(channel: str) -> None:
    if not is_channel(channel):
        raise invalid("/channel", "There is no such channel.", "unknown_channel")


def _checked(channel: str, address: str) -> str:
    _check_channel(channel)
    plain = canonical(channel, address)
    if plain is None:
        raise invalid("/address", f"Must be {address_form(channel)}.")
    return plain
