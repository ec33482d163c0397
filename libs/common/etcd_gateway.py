"""How etcd is spoken to: JSON over HTTP to the gateway that every etcd serves, a call or a stream of answers."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import httptools
import msgspec

from libs.common.errors import Unavailable

T = TypeVar("T")

CANCELLED, DEADLINE_EXCEEDED, NOT_FOUND, RESOURCE_EXHAUSTED, UNAVAILABLE = 1, 4, 5, 8, 14  # as gRPC numbers them
NOT_NOW = {
    CANCELLED,  # it stops
    DEADLINE_EXCEEDED,
    RESOURCE_EXHAUSTED,  # too many requests, or the database is full
    UNAVAILABLE,
}
MOST_CALLS = 100  # at once; each takes a connection meanwhile
MOST_IDLE = 10
SOME_BYTES = 65_536
SILENCE_S = 900.0  # a stream tells every 10 minutes how far it is: one that does not is taken for dead
KEEPALIVE = [  # a machine that vanished without a word is noticed
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 3),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]


class RefusedError(Exception):
    """etcd does not want this call, now or later. `code` is gRPC's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"etcd refuses: {message} ({code})")
        self.code = code


class Trouble(msgspec.Struct, frozen=True):
    """What stands in place of an answer; of a stream one level deeper, and before etcd 3.6 by another name."""

    message: str = ""
    code: int = 0
    grpc_code: int = 0
    error: "Trouble | str" = ""

    def raised(self, status: int) -> Exception:
        if isinstance(self.error, Trouble):
            return self.error.raised(status)
        code, message = self.code or self.grpc_code, self.message or f"it answers {status}"
        return Unavailable("etcd", message) if code in NOT_NOW or status >= 500 else RefusedError(code, message)


class Part(msgspec.Struct, frozen=True):
    """One line of a stream."""

    result: msgspec.Raw = msgspec.Raw()
    error: Trouble | None = None


class Reply:
    """One answer as its bytes come: httptools calls what begins with `on_`."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.has_begun = False
        self.is_whole = False
        self._body: list[bytes] = []

    def on_headers_complete(self) -> None:
        self.has_begun = True

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self.is_whole = True

    def take(self) -> bytes:
        """What has come of its body and was not taken yet."""
        taken = b"".join(self._body)
        self._body.clear()
        return taken


class Connection:
    """Carries one question and its answer at a time. Raises `OSError`, or `HttpParserError` for what is no HTTP."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer
        self.close = writer.close

    @property
    def is_usable(self) -> bool:
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def ask(self, path: str, content: bytes) -> Reply:
        """Returns when the answer has begun."""
        # without a leader nothing would ever come of a stream: then etcd is to end it
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nGrpc-Metadata-hasleader: true\r\n"
        self._writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        reply = Reply()
        while not reply.has_begun:
            await self._read(reply)
        return reply

    async def body(self, reply: Reply) -> AsyncGenerator[bytes, None]:
        yield reply.take()
        while not reply.is_whole:
            await self._read(reply)
            yield reply.take()

    async def _read(self, reply: Reply) -> None:
        data = await self._reader.read(SOME_BYTES)
        if not data:
            raise ConnectionResetError("it ended in the middle of an answer")
        reply.parser.feed_data(data)


class Gateway:
    """Raises `Unavailable` where etcd does not answer in time, what it asked for may have happened; `RefusedError`."""

    def __init__(self, endpoint: str, deadline_s: float) -> None:
        self._endpoint = endpoint
        self._deadline_s = deadline_s
        self._places = asyncio.Semaphore(MOST_CALLS)
        self._idle: list[Connection] = []

    async def ask(self, path: str, request: Mapping[str, Any], answer: type[T]) -> T:
        """Bytes in requests and answers are base64 on their way, whole numbers may be strings."""
        with answering():
            async with asyncio.timeout(self._deadline_s), self._places:
                status, content = await self._exchange(path, msgspec.json.encode(request))
        if status != 200:
            raise trouble(content).raised(status)
        return msgspec.json.decode(content, type=answer, strict=False)

    async def stream(self, path: str, request: Mapping[str, Any], answer: type[T]) -> AsyncGenerator[T, None]:
        """The first answer comes within the deadline. Ends when etcd ends it; close it where you stop before."""
        with answering():
            async with asyncio.timeout(self._deadline_s):
                connection = await self._open()
            try:
                async with aclosing(self._lines(connection, path, msgspec.json.encode(request))) as lines:
                    async with asyncio.timeout(self._deadline_s):
                        line = await anext(lines, None)
                    while line is not None:
                        yield _result(line, answer)
                        async with asyncio.timeout(SILENCE_S):
                            line = await anext(lines, None)
            finally:
                connection.close()

    async def _lines(self, connection: Connection, path: str, content: bytes) -> AsyncGenerator[bytes, None]:
        reply = await connection.ask(path, content)
        async with aclosing(connection.body(reply)) as body:
            if (status := reply.parser.get_status_code()) != 200:
                raise trouble(b"".join([chunk async for chunk in body])).raised(status)
            async for line in split(body):
                yield line

    async def _exchange(self, path: str, content: bytes) -> tuple[int, bytes]:
        connection = await self._free()
        try:
            reply = await connection.ask(path, content)
            answer = b"".join([chunk async for chunk in connection.body(reply)])
        except BaseException:
            connection.close()
            raise
        if reply.parser.should_keep_alive() and len(self._idle) < MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        return reply.parser.get_status_code(), answer

    async def _free(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return await self._open()

    async def _open(self) -> Connection:
        host, _, port = self._endpoint.rpartition(":")
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        for option in KEEPALIVE:
            writer.get_extra_info("socket").setsockopt(*option)
        return Connection(self._endpoint, reader, writer)

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


@contextmanager
def answering() -> Iterator[None]:
    """Turns silence and broken connections into `Unavailable`."""
    try:
        yield
    except (OSError, TimeoutError, httptools.HttpParserError) as error:
        raise Unavailable("etcd", type(error).__name__) from error


async def split(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """The lines that end in these chunks; a last one without its end is none."""
    begun: list[bytes] = []
    async for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield b"".join([*begun, end])
            begun.clear()
        begun.append(rest)


def _result(line: bytes, answer: type[T]) -> T:
    part = msgspec.json.decode(line, type=Part)
    if part.error:
        raise part.error.raised(200)
    return msgspec.json.decode(part.result, type=answer, strict=False)


def trouble(content: bytes) -> Trouble:
    try:
        return msgspec.json.decode(content, type=Trouble)
    except msgspec.DecodeError:
        return Trouble()


@asynccontextmanager
async def connect(endpoint: str, deadline_s: float) -> AsyncIterator[Gateway]:
    """`endpoint` is host:port. Returns at once, also when etcd is not there yet."""
    gateway = Gateway(endpoint, deadline_s)
    try:
        yield gateway
    finally:
        gateway.close()
