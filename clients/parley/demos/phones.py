"""Phones of people on simulated platforms, by the simulator's own interface."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from clients.parley.client import ParleyClient
from clients.parley.errors import ParleyError, ProblemError

TAKEN = 1000  # addresses that users of earlier days have


@dataclass(frozen=True)
class Phone:
    """`http` begins at the simulator."""

    http: httpx.AsyncClient
    channel: str
    address: str

    async def do(self, what: str, **body: Any) -> Any:
        """What its owner does; the platform's id of the message that it is about."""
        answer = await self.http.post(f"/_sim/{self.channel}/people/{self.address}/{what}", json=body)
        return answer.raise_for_status().json()["message_id"]

    async def got(self) -> list[dict[str, Any]]:
        """What came from us, in order; nothing while nobody listens there."""
        query: dict[str, str | int] = {"chat": self.address, "limit": 1000}
        try:
            answer = await self.http.get(f"/_sim/{self.channel}/log", params=query)
        except httpx.TransportError:
            return []
        return [entry for entry in answer.raise_for_status().json()["items"] if entry["what"] == "sent"]

    async def fault(self, kind: str, seconds: float) -> None:
        """Something goes wrong at its platform."""
        body = {"kind": kind, "seconds": seconds}
        (await self.http.post(f"/_sim/{self.channel}/faults", json=body)).raise_for_status()


async def a_phone(http: httpx.AsyncClient, channel: str, owner: ParleyClient, name: str, **more: Any) -> Phone:
    """Of a new person, mapped by its owner. A simulator that was started anew counts from the first one again, which
    may be somebody's."""
    for _ in range(TAKEN):
        answer = await http.post(f"/_sim/{channel}/people", json={"first_name": name, **more})
        address = str(answer.raise_for_status().json()["id"])
        try:
            await owner.map_channel(channel, address)
        except ProblemError as problem:
            if problem.code != "address_taken":
                raise
        else:
            return Phone(http, channel, address)
    raise ParleyError(f"no address on the simulated {channel} is free")


async def check_accounts(client: ParleyClient, channels: Sequence[str]) -> None:
    """Raises `ParleyError` where the platform has no account on one of them."""
    configured = {each.channel for each in await client.channels() if each.configured}
    if lacking := [channel for channel in channels if channel not in configured]:
        raise ParleyError(f"Parley has no account on {' and '.join(lacking)} here: see `parley channels list`")
