"""A server on loopback that answers as it is told, one request after another, and keeps what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import HTTP
from typing import Any, NamedTuple

import msgspec

from connectors.exam.cases import Reply
from connectors.formats.shapes import Upload


class Seen(NamedTuple):
    """A request as it came; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def form(self) -> dict[str, str | Upload]:
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        parts = message_from_bytes(head + self.body, policy=HTTP).iter_parts()
        return {str(part.get_param("name", header="content-disposition")): _value(part) for part in parts}

    @property
    def is_form(self) -> bool:
        return self.headers.get("content-type", "").startswith("multipart/form-data")


def _value(part: Any) -> str | Upload:
    content: bytes = part.get_payload(decode=True)
    filename = part.get_filename()
    return content.decode() if filename is None else Upload(filename, len(content), part.get_content_type())


class Platform:
    def __init__(self, replies: Sequence[Reply]) -> None:
        self.seen: list[Seen] = []
        self.url = ""
        self._replies = list(replies)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """False where the connection is over."""
        self.seen.append(await _read(reader))
        reply = self._replies.pop(0) if self._replies else Reply(418, text="no case told of this request")
        if reply.then == "stay silent":
            await reader.read()
        if reply.then != "answer":
            return False
        writer.write(_written(reply))
        await writer.drain()
        return True


async def _read(reader: asyncio.StreamReader) -> Seen:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return Seen(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


def _written(reply: Reply) -> bytes:
    body = reply.text.encode() if reply.json is msgspec.UNSET else msgspec.json.encode(reply.json)
    headers = {"content-length": str(len(body)), "content-type": "application/json", **reply.headers}
    head = f"HTTP/1.1 {reply.status} -\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{head}\r\n".encode() + body


@asynccontextmanager
async def platform(replies: Sequence[Reply]) -> AsyncIterator[Platform]:
    made = Platform(replies)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()


class Swallower:
    """Takes requests of any length and keeps none of their bytes; answers them in turn, on one connection."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.taken = 0
        self.url = ""
        self._replies = replies

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in self._replies:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            left = length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
            while left:
                left -= len(await reader.read(min(left, 64 * 1024)))
            self.taken += length
            writer.write(_written(reply))
        writer.close()


@asynccontextmanager
async def swallowing(*replies: Reply) -> AsyncIterator[Swallower]:
    made = Swallower(replies)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made
