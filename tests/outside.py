"""People outside, on the simulated platforms, and who gets what they write first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from clients.parley import Arrived, ParleyClient
from tests.conftest import PASSWORD, PATIENCE_S, Chat, Device, Person
from tests.meta import There
from tests.registered import registered

INBOX = "inbox"


@dataclass(frozen=True)
class Outside:
    """`inbox` is a device of who gets what people there write first."""

    chat: Chat
    there: There
    client: ParleyClient
    inbox: Device

    async def has_written(self, person: Person) -> str:
        """The address there of this person of ours, who has just written: without that nobody may write to them."""
        address = await self.there.is_reached_by(person)
        await self.there.tell(f"people/{address}/say", text="It's me")
        await heard(self.inbox, person.name, "It's me")
        return address


@asynccontextmanager
async def outside_on(channel: str, chat: Chat) -> AsyncIterator[Outside]:
    async with simulator(chat) as http, inbox(chat) as (client, device):
        yield Outside(chat, There(channel, chat, http), client, device)


def simulator(chat: Chat) -> httpx.AsyncClient:
    """Calls of the simulator of the stack."""
    url = f"http://127.0.0.1:{chat.processes.ports['simulator']}"
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=20)


@asynccontextmanager
async def inbox(chat: Chat) -> AsyncIterator[tuple[ParleyClient, Device]]:
    """Who gets what people outside write first, and a device of theirs."""
    async with ParleyClient(chat.stack.gateway_url) as client:
        await registered(chat.stack.etcd, PASSWORD, INBOX)  # another test may have done so
        await client.log_in(INBOX, PASSWORD)
        async with client.socket() as socket:
            device = Device(socket, acknowledges=True)
            yield client, device
            await device.close()


async def heard(device: Device, sender: str, *texts: str) -> list[Arrived]:
    """Waits until so many messages have come from there: these, in order."""

    def found() -> list[Arrived]:
        return [m for m in device.messages if m.sender == sender]

    await device.until_so(lambda: len(found()) >= len(texts))
    assert [m.text for m in found()] == [*texts]
    return found()


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():
            await asyncio.sleep(0.05)
