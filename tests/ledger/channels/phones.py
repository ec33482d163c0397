"""One simulated platform, by its own interface: what its people do, what goes wrong there, and its log."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.ledger.channels.evidence import Entry, External, Told

AGAIN_S = 0.1
BACK_WITHIN_S = 60.0
PAGE = 1_000
META = ("whatsapp", "messenger", "instagram")

Json = dict[str, Any]


@dataclass(frozen=True)
class Phones:
    channel: str
    http: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: Json | None = None, **query: Any) -> Json:
        """Waits while nobody listens; raises `httpx.HTTPStatusError` for what is refused, and other
        `httpx.TransportError`s where nobody knows what was done."""
        end = time.monotonic() + BACK_WITHIN_S
        while True:
            try:
                answer = await self.http.request(method, f"/_sim/{self.channel}/{path}", json=body, params=query)
            except httpx.ConnectError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(AGAIN_S)
            else:
                return dict(answer.raise_for_status().json())

    async def insist(self, method: str, path: str, **query: Any) -> Json:
        """For what may be asked twice."""
        while True:
            try:
                return await self.ask(method, path, **query)
            except httpx.TransportError:
                await asyncio.sleep(AGAIN_S)

    async def add(self, name: str) -> str:
        return str((await self.ask("POST", "people", {"first_name": name}))["id"])

    async def do(self, who: str, what: str, **body: Any) -> str | None:
        """The platform's id of what came of it; None where it was not possible, or nobody knows: the log tells."""
        try:
            done = await self.ask("POST", f"people/{who}/{what}", body)
        except (httpx.HTTPStatusError, httpx.TransportError):
            return None
        return str(done["message_id"]) if done.get("message_id") else None

    async def fault(self, kind: str, **more: Any) -> None:
        await self.ask("POST", "faults", {"kind": kind, **more})

    async def clear(self) -> None:
        await self.ask("DELETE", "faults")

    async def waiting(self) -> int:
        """Updates that no webhook has taken so far."""
        counts = await self.insist("GET", "counts")
        return sum(int(each["waiting"]) for each in counts["updates"].values())

    async def log(self) -> list[Entry]:
        """Raises `AssertionError` where it has forgotten some of it."""
        return [
            Entry(self.channel, str(e["chat"]), e["what"], self._external(e), e.get("text") or "")
            async for e in self._pages("log")
        ]

    async def told(self) -> list[Told]:
        """What people said, in the order in which webhooks took it; nothing where the platform keeps order itself."""
        if self.channel not in META:
            return []
        first: dict[str, Told] = {}
        async for e in self._pages("told"):
            if message_id := _said(e["event"]):
                one = Told(self.channel, str(e["chat"]), message_id, e["tried_at"], e["taken_at"])
                first.setdefault(message_id, one)
        return [*first.values()]

    async def read(self, chats: Iterable[str]) -> frozenset[External]:
        """Which messages of ours have been read in these chats."""
        if self.channel not in META:
            return frozenset()
        found = [m for chat in chats for m in (await self.insist("GET", f"chats/{chat}/messages", limit=PAGE))["items"]]
        ids = (m.get("mid") or m["wamid"] for m in found if m.get("is_read") or "read" in m.get("statuses", ()))
        return frozenset((self.channel, message_id) for message_id in ids)

    async def _pages(self, what: str) -> AsyncIterator[Json]:
        after = 0
        while True:
            page = await self.insist("GET", what, after=after, limit=PAGE)
            assert not page["lost"], f"{self.channel} has forgotten {page['lost']} entries"
            for entry in page["items"]:
                yield entry
            if page["next_after"] == after:
                return
            after = page["next_after"]

    def _external(self, entry: Json) -> str:
        """As Telegram numbers messages in each chat by itself, an id of its names the chat too."""
        number = str(entry["message_id"])
        return number if self.channel in META else f"{entry['chat']}/{number}"


def _said(event: Json) -> str | None:
    """The id of a message that somebody wrote; None for whatever else is told."""
    if event.get("thing") == "messages":
        return str(event["content"]["id"])
    message = event.get("message", {})
    is_said = message and not message.get("is_echo") and not message.get("is_deleted")
    return str(message["mid"]) if is_said else None


@asynccontextmanager
async def platforms(url: str, channels: Iterable[str]) -> AsyncIterator[dict[str, Phones]]:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as http:
        yield {channel: Phones(channel, http) for channel in channels}
