"""A receiver on this machine, to try webhooks with: it takes requests, verifies them, and answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from clients.parley.webhooks.signature import Told, WrongSignatureError, verify

MOST_BYTES = 1024 * 1024
PATIENCE_S = 20.0
WORDS = {200: "OK", 400: "Bad Request", 401: "Unauthorized"}


@dataclass
class Listener:
    """`secret` may be set when it is known; until then nothing is believed. `answer` decides what a verified event is
    answered: 2xx takes it."""

    url: str = ""
    secret: str = ""
    answer: Callable[[Told], int] = lambda _: 200
    events: "asyncio.Queue[Told | WrongSignatureError]" = field(default_factory=lambda: asyncio.Queue(10_000))
    """What came, in order: events, and why a request was refused. When it is full, more is answered 503."""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ValueError):
            async with asyncio.timeout(PATIENCE_S):
                status = self._status(*await _read(reader))
                writer.write(f"HTTP/1.1 {status} {WORDS.get(status, 'Said')}\r\n".encode())
                writer.write(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
        writer.close()

    def _status(self, headers: dict[str, str], body: bytes) -> int:
        try:
            told = verify(self.secret, headers, body)
        except WrongSignatureError as error:
            with suppress(asyncio.QueueFull):
                self.events.put_nowait(error)
            return 401
        status = self.answer(told)
        if 200 <= status < 300:
            try:
                self.events.put_nowait(told)
            except asyncio.QueueFull:
                return 503
        return status


async def _read(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in head if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= MOST_BYTES:
        raise ValueError("too long")
    return headers, await reader.readexactly(length)


@asynccontextmanager
async def listen(port: int = 0, secret: str = "") -> AsyncIterator[Listener]:
    """On 127.0.0.1, on a free port unless one is given. Raises `OSError` where it is taken."""
    listener = Listener(secret=secret)
    server = await asyncio.start_server(listener.take, "127.0.0.1", port)
    async with server:
        listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield listener
