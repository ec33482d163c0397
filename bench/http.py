"""A keep-alive HTTP/1.1 client on a raw connection, as cheap as Python allows: one request at a time."""

import asyncio
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httptools

AT_ONCE = 16


class Answer(NamedTuple):
    """One answer; `keep` says whether the connection may carry another request."""

    status: int
    body: bytes
    retry_after_s: float
    keep: bool


class AnswerReader:
    """Answers out of a stream that arrives in pieces of any size."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._retry_after_s = 0.0
        self._done: list[Answer] = []

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that this piece completes; raises `httptools.HttpParserError` for what is no HTTP."""
        self._done = []
        self._parser.feed_data(data)
        return self._done

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 11 and name.lower() == b"retry-after":
            self._retry_after_s = float(value) if value.isdigit() else 0.0

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        keep = self._parser.should_keep_alive()
        status = self._parser.get_status_code()
        self._done.append(Answer(status, bytes(self._body), self._retry_after_s, keep))
        self._body.clear()
        self._retry_after_s = 0.0


class Connection(asyncio.Protocol):
    """One connection to the gateway; it is opened at the first request and again when the server has closed it."""

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._reader = AnswerReader()

    async def ask(self, request: bytes) -> Answer:
        """Send a whole request and wait for its answer; raises `ConnectionError` when the connection breaks."""
        loop = asyncio.get_running_loop()
        if self._transport is None or self._transport.is_closing():
            self._reader = AnswerReader()
            await loop.create_connection(lambda: self, *self._where)
        assert self._transport is not None  # connection_made has run
        self._waiting = loop.create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        try:
            answers = self._reader.feed(data)
        except httptools.HttpParserError as error:
            self._end(ConnectionError(f"not HTTP: {error}"))
            return
        for answer in answers:
            if not answer.keep:
                self.close()
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._end(ConnectionResetError("the server closed the connection"))

    def _end(self, error: ConnectionError) -> None:
        self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


class Connections:
    """Keep-alive connections to one gateway, as many as requests overlap, up to 16; more wait."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._where = where.hostname or "127.0.0.1", where.port or 80
        self._free: list[Connection] = []
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def ask(self, request: bytes) -> Answer:
        """As a connection's own, on one that is free."""
        async with self._slots:
            connection = self._free.pop() if self._free else Connection(*self._where)
            try:
                return await connection.ask(request)
            finally:
                self._free.append(connection)

    def close(self) -> None:
        for connection in self._free:
            connection.close()


def head(method: str, path: str, host: str, token: str, length: int) -> bytes:
    """The head of a request with a JSON body of `length` bytes."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
