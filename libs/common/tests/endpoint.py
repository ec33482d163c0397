"""An endpoint of a third party as tests need it: it keeps what it hears, and answers as well or as badly as told."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Heard:
    """Header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        read: dict[str, Any] = msgspec.json.decode(self.body)
        return read


Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Endpoint:
    """`then` answers the next requests, each once, and `answer` all others."""

    heard: list[Heard] = field(default_factory=list)
    then: deque[Answering] = field(default_factory=deque)
    url: str = ""
    port: int = 0
    open: int = 0
    most_open: int = 0

    def __post_init__(self) -> None:
        self.answer = says(OK)
        self._changed = asyncio.Condition()

    def of(self, kind: str) -> list[Heard]:
        return [one for one in self.heard if one.event["type"] == kind]

    async def until(self, condition: Callable[["Endpoint"], bool], within_s: float = 60) -> None:
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(lambda: condition(self))

    async def until_heard(self, count: int) -> None:
        await self.until(lambda endpoint: len(endpoint.heard) >= count)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            one = await _read(reader)
            async with self._changed:
                self.heard.append(one)
                self._changed.notify_all()
            await (self.then.popleft() if self.then else self.answer)(writer)
            await writer.drain()
        self.open -= 1
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in head[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    return Heard(head[0].split()[1], headers, await reader.readexactly(int(headers["content-length"])))


def says(answer: bytes) -> Answering:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return say


def status(code: int, **headers: str) -> Answering:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return says(f"HTTP/1.1 {code} So\r\n{lines}Content-Length: 0\r\n\r\n".encode())


async def hangs(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def closes(_: asyncio.StreamWriter) -> None:
    """Without a word."""


async def goes_on_for_ever(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 4096)  # in one: of what comes late nothing need be heard
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


def waits_for(event: asyncio.Event) -> Answering:
    async def wait(writer: asyncio.StreamWriter) -> None:
        await event.wait()
        writer.write(OK)

    return wait


@asynccontextmanager
async def endpoint(path: str = "/hooks") -> AsyncIterator[Endpoint]:
    made = Endpoint()
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(made.take(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    made.url = f"http://127.0.0.1:{made.port}{path}"
    try:
        yield made
    finally:
        server.close()
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
