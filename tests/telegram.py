"""Telegram as the tests of the whole system see it: people there, what arrived with them, and what goes wrong."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpx

from tests.conftest import PATIENCE_S, Chat, Person
from tests.mapped import mapped

Json = dict[str, Any]


@dataclass(frozen=True)
class Telegram:
    """The simulator of the stack; other tests may use it too, with people of their own."""

    chat: Chat
    http: httpx.AsyncClient

    async def tell(self, path: str, body: Json) -> Json:
        answer = await self.http.post(f"/_sim/telegram/{path}", json=body)
        answer.raise_for_status()
        return cast(Json, answer.json())

    async def send_file(self, who: str, content: bytes, filename: str, caption: str) -> None:
        query = {"filename": filename, "caption": caption}
        path = f"/_sim/telegram/people/{who}/file"
        (await self.http.post(path, content=content, params=query)).raise_for_status()

    async def is_reached_by(self, person: Person) -> str:
        """The chat of somebody new there, at whom this person of ours can be reached."""
        address = str((await self.tell("people", {"first_name": person.name[:20]}))["id"])
        await mapped(self.chat, person.name, "telegram", address)
        return address

    async def fault(self, kind: str, **more: Any) -> None:
        await self.tell("faults", {"kind": kind, **more})

    async def clear(self) -> None:
        (await self.http.delete("/_sim/telegram/faults")).raise_for_status()

    async def limits(self, **rates: Any) -> None:
        (await self.http.put("/_sim/telegram/limits", json=rates)).raise_for_status()

    async def texts(self, address: str) -> list[str]:
        """What bots have sent to the chat, in order."""
        return [entry.get("text") or "" for entry in await self.sent(address)]

    async def sent(self, address: str) -> list[Json]:
        query: Json = {"chat": address, "limit": 1000}
        answer = await self.http.get("/_sim/telegram/log", params=query)
        return [entry for entry in answer.json()["items"] if entry["what"] == "sent"]

    async def until(self, address: str, condition: Callable[[Sequence[str]], bool]) -> list[str]:
        """Also while nobody listens there."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    if condition(texts := await self.texts(address)):
                        return texts
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)
