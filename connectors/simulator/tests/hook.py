"""A receiver of webhooks that can be told to misbehave, answer by answer."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl

VERIFY_TOKEN = "a-verify-token"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def status(code: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} Because", *headers, "content-length: 0", "", ""]
    return "\r\n".join(lines).encode()


def answer(body: object, content_type: str = "application/json") -> bytes:
    written = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {len(written)}\r\n\r\n"
    return head.encode() + written


class Received(NamedTuple):
    at: float
    headers: dict[str, str]
    update: dict[str, Any]

    @property
    def chat(self) -> int:
        return int(self.update["message"]["chat"]["id"])

    @property
    def text(self) -> str:
        return str(self.update["message"]["text"])


class Hook:
    """`answers` are used up one by one, then it is 200: bytes are sent as they are, None closes without a word.

    While `gate` is not set, requests wait; `most_at_once` is how many there were together, in all and in one chat.
    """

    def __init__(self) -> None:
        self.answers: list[bytes | None] = []
        self.received: list[Received] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.most_at_once = 0
        self.most_in_a_chat = 0
        self._inside: Counter[int] = Counter()
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self.gate.set()
        self._server.close()

    async def until(self, condition: Callable[[], object], within_s: float = 60) -> None:
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(lambda: bool(condition()))

    async def until_received(self, count: int) -> list[Received]:
        await self.until(lambda: len(self.received) >= count)
        return self.received

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (head := await reader.readuntil(b"\r\n\r\n")) and await self._take(head, reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _take(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = head.decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if head.startswith(b"GET "):
            return await self._shake(head.split(b" ")[1].decode(), writer)
        update = json.loads(await reader.readexactly(int(headers["content-length"])))
        chat = update.get("message", {}).get("chat", {}).get("id", 0)
        await self._enter(Received(time.monotonic(), headers, update), chat)
        await self.gate.wait()
        self._inside[chat] -= 1
        what = self.answers.pop(0) if self.answers else OK
        if what is not None:
            writer.write(what)
            await writer.drain()
        return what is not None

    async def _shake(self, target: str, writer: asyncio.StreamWriter) -> bool:
        """A handshake: with whoever has the token that we know."""
        asked = dict(parse_qsl(target.partition("?")[2]))
        knows = asked.get("hub.verify_token") == VERIFY_TOKEN
        writer.write(answer(asked["hub.challenge"], "text/plain") if knows else status(401))
        await writer.drain()
        return True

    async def _enter(self, received: Received, chat: int) -> None:
        self._inside[chat] += 1
        self.most_in_a_chat = max(self.most_in_a_chat, self._inside[chat])
        self.most_at_once = max(self.most_at_once, sum(self._inside.values()))
        async with self._changed:
            self.received.append(received)
            self._changed.notify_all()
