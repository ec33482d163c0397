"""A connection to a scanner: every wait has a deadline, and an answer is heard even while we still send."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from libs.common.errors import Unavailable

READ_BYTES = 16 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadlines:
    connect_s: float = 5.0
    send_s: float = 30.0
    """For one piece to be taken by the other side."""
    answer_s: float = 150.0
    """From the last byte on; clamd itself gives up after 120 s (`MaxScanTime`)."""


@dataclass(frozen=True, slots=True)
class Address:
    """Of a scanner: a Unix socket where `path` is given."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return self.path or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")


class Wire:
    """One conversation. On a raw socket, as streams forget what was received when a write finds the other side gone."""

    def __init__(self, sock: socket.socket, deadlines: Deadlines) -> None:
        self._socket = sock
        self._deadlines = deadlines
        self._received = bytearray()

    async def send(self, data: bytes) -> None:
        """Raises `ConnectionError` where the other side has closed: it may have answered before."""
        try:
            async with asyncio.timeout(self._deadlines.send_s):
                await asyncio.get_running_loop().sock_sendall(self._socket, data)
        except TimeoutError:
            raise unavailable(f"took nothing for {self._deadlines.send_s:g} s") from None

    async def read_until(self, end: bytes, most: int) -> bytes:
        """Everything up to and with `end`, without a deadline; an answer longer than `most` bytes is none."""
        while (found := self._received.find(end)) < 0:
            if len(self._received) > most:
                raise unavailable("its answer has no end")
            self._received += await self._receive()
        answer = bytes(self._received[: found + len(end)])
        del self._received[: len(answer)]
        return answer

    async def in_time(self, answer: Coroutine[Any, Any, T]) -> T:
        try:
            async with asyncio.timeout(self._deadlines.answer_s):
                return await answer
        except TimeoutError:
            raise unavailable(f"no answer within {self._deadlines.answer_s:g} s") from None

    async def exchange(self, sending: Coroutine[Any, Any, None], answer: Coroutine[Any, Any, T]) -> T:
        """The answer: it may come before all is sent, and our sending may fail because of it."""
        sender, reader = asyncio.ensure_future(sending), asyncio.ensure_future(answer)
        try:
            await asyncio.wait({sender, reader}, return_when=asyncio.FIRST_COMPLETED)
            if sender.done() and not isinstance(failure := sender.exception(), ConnectionError) and failure:
                raise failure
            return await self.in_time(_of(reader))
        finally:
            for task in (sender, reader):
                task.cancel()
            await asyncio.gather(sender, reader, return_exceptions=True)

    async def _receive(self) -> bytes:
        try:
            received = await asyncio.get_running_loop().sock_recv(self._socket, READ_BYTES)
        except OSError as error:
            raise unavailable(error.strerror or "the connection was lost") from error
        if not received:
            raise unavailable("it closed the connection without an answer")
        return received


def unavailable(why: str) -> Unavailable:
    """In words that callers may read: they do not say where it is."""
    return Unavailable("scanner", why)


@asynccontextmanager
async def connected(address: Address, deadlines: Deadlines) -> AsyncIterator[Wire]:
    """Raises `Unavailable` where nobody listens."""
    try:
        async with asyncio.timeout(deadlines.connect_s):
            sock = await _connect(address)
    except TimeoutError:
        raise unavailable(f"no connection within {deadlines.connect_s:g} s") from None
    except OSError as error:
        raise unavailable(error.strerror or "no connection") from error
    with sock:
        yield Wire(sock, deadlines)


async def _connect(address: Address) -> socket.socket:
    if address.path:
        return await _open(socket.AF_UNIX, address.path)
    found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    for index, (family, _, _, _, place) in enumerate(found):
        try:
            return await _open(family, place)
        except OSError:
            if index == len(found) - 1:
                raise
    raise OSError("no such host")


async def _open(family: int, place: Any) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, place)
    except BaseException:
        sock.close()
        raise
    return sock


async def _of(task: asyncio.Future[T]) -> T:
    return await task
