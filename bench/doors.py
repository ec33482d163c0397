"""The two ways in, HTTP and socket, behind one method: send this message until it is accepted, always under its id."""

import asyncio
import random
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from bench.device import CLOSED, Device, Frame, RefusedError, Tally
from bench.http import Connection, head
from bench.people import Pair
from clients.parley.objects import MessageStatus

TEXT = "A message of two hundred bytes, as people write them: short enough for one breath, long enough to say. "
LETTERS = 200
CONNECTIONS = 16
AGAIN_S = 0.1
FINAL = ("DELIVERED", "READ")
read_status = msgspec.json.Decoder(MessageStatus)
ID = "00000000-0000-0000-0000-000000000000"


class Door(Protocol):
    """One sender's way into one conversation."""

    async def send(self, message_id: str) -> None:
        """Returns when the message is accepted; raises `RefusedError` when it never will be."""

    async def delivered(self, message_id: str, number: int) -> bool:
        """Whether the platform says that the recipient has everything up to this message."""

    def close(self) -> None: ...


def body_parts(conversation_id: str, before: Mapping[str, str]) -> tuple[bytes, bytes]:
    """The JSON of a message, cut where its id belongs."""
    text = (TEXT * 2)[:LETTERS]
    body = {
        **before,
        "message_id": ID,
        "conversation_id": conversation_id,
        "payload": {"type": "text", "text": text},
    }
    first, _, last = msgspec.json.encode(body).partition(ID.encode())
    return first, last


class HttpDoor:
    """`POST /v1/messages`, one request a connection at a time; more connections only where sends overlap."""

    def __init__(self, url: str, pair: Pair, tally: Tally) -> None:
        where = urlsplit(url)
        self._host, self._port = where.hostname or "127.0.0.1", where.port or 80
        self._first, self._last = body_parts(pair.conversation_id, {})
        self._token = pair.sender.access_token
        length = len(self._first) + len(ID) + len(self._last)
        self._head = head("POST", "/v1/messages", where.netloc, self._token, length)
        self._netloc = where.netloc
        self._tally = tally
        self._free: list[Connection] = []
        self._slots = asyncio.Semaphore(CONNECTIONS)

    async def send(self, message_id: str) -> None:
        request = b"".join((self._head, self._first, message_id.encode(), self._last))
        while (wait_s := await self._try(request)) is not None:
            self._tally.retries += 1
            await asyncio.sleep(wait_s * (0.5 + random.random()))

    async def delivered(self, message_id: str, number: int) -> bool:
        request = head("GET", f"/v1/messages/{message_id}/status", self._netloc, self._token, 0)
        answer = await self._connection().ask(request)
        if answer.status != 200:
            return False
        return read_status.decode(answer.body).status in FINAL

    def close(self) -> None:
        for connection in self._free:
            connection.close()

    async def _try(self, request: bytes) -> float | None:
        """None when accepted, else how long to wait."""
        async with self._slots:
            connection = self._free.pop() if self._free else Connection(self._host, self._port)
            try:
                answer = await connection.ask(request)
            except ConnectionError:
                return AGAIN_S
            finally:
                self._free.append(connection)
        if answer.status == 202:
            return None
        if answer.status in (429, 503):
            return max(answer.retry_after_s, AGAIN_S)
        raise RefusedError(f"{answer.status}: {answer.body.decode(errors='replace')[:500]}")

    def _connection(self) -> Connection:
        if not self._free:
            self._free.append(Connection(self._host, self._port))
        return self._free[0]


class SocketDoor:
    """`send` frames on the sender's own device; receipts there say what is delivered."""

    def __init__(self, device: Device, pair: Pair, tally: Tally) -> None:
        self._device = device
        self._tally = tally
        self._first, self._last = body_parts(pair.conversation_id, {"type": "send", "ref": ID})
        self._middle, self._last = self._last.split(ID.encode())
        self._partner = pair.recipient.username
        self._waiting: dict[str, asyncio.Future[bool]] = {}
        self._delivered = 0
        device.on_frame.append(self._hear)

    async def send(self, message_id: str) -> None:
        name = message_id.encode()
        frame = b"".join((self._first, name, self._middle, name, self._last))
        while not await self._try(message_id, frame):
            self._tally.retries += 1
            await asyncio.sleep(AGAIN_S * (0.5 + random.random()))

    async def delivered(self, message_id: str, number: int) -> bool:
        return self._delivered >= number

    def close(self) -> None:
        self._device.close()

    async def _try(self, message_id: str, frame: bytes) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = answer
        self._device.write(frame)
        return await answer

    def _hear(self, frame: Frame) -> None:
        if frame.type == "accepted":
            self._waiting.pop(frame.ref).set_result(True)
        elif frame.type == "receipt" and frame.username == self._partner and frame.status in FINAL:
            self._delivered = max(self._delivered, frame.sequence_number)
        elif frame.type == "rejected":
            self._refused(frame)
        elif frame.type == CLOSED:
            self._give_up()

    def _refused(self, frame: Frame) -> None:
        status = msgspec.json.decode(frame.problem, type=dict[str, object]).get("status")
        answer = self._waiting.pop(frame.ref)
        if status in (429, 503):
            answer.set_result(False)
        else:
            answer.set_exception(RefusedError(bytes(frame.problem).decode()))

    def _give_up(self) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(RefusedError("the sender's socket closed"))
