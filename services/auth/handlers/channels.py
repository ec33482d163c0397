"""Mapping users to their addresses on channels: one address, one user."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from libs.common.clock import now
from libs.common.errors import Problem, invalid
from services.auth.domain.channels import Mapping, address_form, canonical, is_channel


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
    store: MappingStore

    async def of(self, username: str) -> list[Mapping]:
        return await self.store.of(username)

    async def map(self, username: str, channel: str, address: str) -> Mapping:
        """Raises `Problem` 422, and 409 where the address is somebody else's. The same again changes nothing."""
        plain = _checked(channel, address)
        while True:
            kept = await self.store.find(username, channel)
            if kept.mapping is not None and kept.mapping.address == plain:
                return kept.mapping
            owner = await self.store.owner(channel, plain)
            if owner.revision and owner.username != username:
                raise Problem(409, "address_taken", f"The {channel} address {plain} belongs to another user.")
            mapping = Mapping(channel, plain, now())
            if await self.store.replace(username, kept, owner, mapping):
                return mapping

    async def unmap(self, username: str, channel: str) -> None:
        """What is not there is as good as removed."""
        _check_channel(channel)
        while (kept := await self.store.find(username, channel)).mapping is not None:
            if await self.store.remove(username, kept):
                return


def _check_channel(channel: str) -> None:
    if not is_channel(channel):
        raise invalid("/channel", "There is no such channel.", "unknown_channel")


def _checked(channel: str, address: str) -> str:
    _check_channel(channel)
    plain = canonical(channel, address)
    if plain is None:
        raise invalid("/address", f"Must be {address_form(channel)}.")
    return plain
