"""Messenger and Instagram as the tests of the whole system see them: people there, what they do, and what arrived."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpx

from tests.conftest import PATIENCE_S, Chat, Person
from tests.mapped import mapped

Json = dict[str, Any]


@dataclass(frozen=True)
class There:
    """One of the platforms, as the simulator of the stack is it; other tests use it too, with people of their own."""

    channel: str
    chat: Chat
    http: httpx.AsyncClient

    async def tell(self, path: str, **body: Any) -> Json:
        answer = await self.http.post(f"/_sim/{self.channel}/{path}", json=body)
        assert answer.is_success, answer.text
        return cast(Json, answer.json())

    async def somebody(self) -> str:
        """New there. We know nothing of them before they write."""
        return str((await self.tell("people", first_name=f"Tea-{secrets.token_hex(3)}"))["id"])

    async def is_reached_by(self, person: Person) -> str:
        """The address of somebody new there, who is this person of ours."""
        address = await self.somebody()
        await mapped(self.chat, person.name, self.channel, address)
        return address

    async def fault(self, kind: str, chat: str, **more: Any) -> None:
        await self.tell("faults", kind=kind, chat=chat, **more)

    async def sent(self, address: str) -> list[Json]:
        """What our account has sent there, in order."""
        answer = await self.http.get(f"/_sim/{self.channel}/log", params={"chat": address, "limit": 1000})
        return [entry for entry in answer.json()["items"] if entry["what"] == "sent"]

    async def until(self, address: str, condition: Callable[[Sequence[str]], bool]) -> list[str]:
        """The texts that have arrived."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition(texts := [entry.get("text") or "" for entry in await self.sent(address)]):
                await asyncio.sleep(0.1)
            return texts
