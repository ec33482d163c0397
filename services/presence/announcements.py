"""Hears new feed entries from Redis: one raw subscriber connection per node, about 1 µs a message."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import hiredis

CONNECT_S = 3.0
PING_S = 10.0
RECONNECT_S = 0.3

log = logging.getLogger(__name__)


def command(*words: bytes) -> bytes:
    """RESP, as clients send it."""
    return b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)])


class _Connection(asyncio.Protocol):
    def __init__(self, on_push: Callable[[list[Any]], None]) -> None:
        self._reader = hiredis.Reader()
        self._on_push = on_push
        self.transport: asyncio.Transport | None = None
        self.lost = asyncio.Event()
        self.heard = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.heard = True
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, list):
                self._on_push(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


class Announcements:
    """Subscribes to channels; `run` hands over what is published on them."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._wanted: dict[bytes, asyncio.Future[None]] = {}
        self._connection: _Connection | None = None
        self._on_message: Callable[[bytes, bytes], None] = lambda channel, payload: None

    async def subscribe(self, channel: str) -> None:
        """Returns when Redis has confirmed; the caller sets the deadline."""
        name = channel.encode()
        confirmed = self._wanted.get(name)
        if confirmed is None:
            confirmed = self._wanted[name] = asyncio.get_running_loop().create_future()
            self._write(command(b"SUBSCRIBE", name))
        await asyncio.shield(confirmed)

    def unsubscribe(self, channel: str) -> None:
        name = channel.encode()
        if self._wanted.pop(name, None) is not None:
            self._write(command(b"UNSUBSCRIBE", name))

    async def run(self, on_message: Callable[[bytes, bytes], None], on_reconnected: Callable[[], None]) -> None:
        """For ever: `on_message(channel, payload)` for each; `on_reconnected()` when some may have been lost."""
        self._on_message = on_message
        is_new = True
        while True:
            try:
                async with asyncio.timeout(CONNECT_S):
                    connection = await self._connect()
            except (OSError, TimeoutError) as error:
                log.warning("waiting for Redis: %s", str(error) or "no answer")
                await asyncio.sleep(RECONNECT_S)
                continue
            if not is_new:
                on_reconnected()
            is_new = False
            await self._watch(connection)
            self._connection = None
            log.warning("the subscription to Redis was lost")
            if not connection.heard:
                await asyncio.sleep(RECONNECT_S)

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _Connection(self._on_push),
            self._url.hostname or "127.0.0.1",
            self._url.port or 6379,
            ssl=True if self._url.scheme == "rediss" else None,
        )
        self._connection = connection
        if self._url.password:
            user = (self._url.username or "default").encode()
            self._write(command(b"AUTH", user, self._url.password.encode()))
        for name in self._wanted:
            if self._wanted[name].done():
                self._wanted[name] = loop.create_future()
            self._write(command(b"SUBSCRIBE", name))
        return connection

    async def _watch(self, connection: _Connection) -> None:
        """Until the connection is lost, or answers no ping."""
        while not connection.lost.is_set():
            connection.heard = False
            self._write(command(b"PING"))
            try:
                async with asyncio.timeout(PING_S):
                    await connection.lost.wait()
            except TimeoutError:
                if not connection.heard and connection.transport:
                    connection.transport.abort()

    def _write(self, data: bytes) -> None:
        if self._connection and self._connection.transport and not self._connection.lost.is_set():
            self._connection.transport.write(data)

    def _on_push(self, reply: list[Any]) -> None:
        kind = reply[0]
        if kind == b"message":
            self._on_message(reply[1], reply[2])
        elif kind == b"subscribe":
            confirmed = self._wanted.get(reply[1])
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)
