"""The ways in, HTTP, batch and socket, behind one method: ask once, and say which messages are to be sent again."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from bench.device import CLOSED, Device, Frame, RefusedError
from bench.http import Answer, Connections, head
from bench.people import Pair
from clients.parley.objects import MessageStatus

TEXT = "A message of two hundred bytes, as people write them: short enough for one breath, long enough to say. "
LETTERS = 200
BATCH = 50
AGAIN_S = 0.1
AGAIN = (429, 503)
FINAL = ("DELIVERED", "READ")
read_status = msgspec.json.Decoder(MessageStatus)
ID = "00000000-0000-0000-0000-000000000000"


class Busy(NamedTuple):
    """Messages that are to be sent again, under their ids, after a while."""

    message_ids: Sequence[str]
    wait_s: float


ACCEPTED = Busy((), 0.0)


class Door(Protocol):
    """One sender's way into one conversation."""

    size: int  # messages that are sent at once

    async def send(self, message_ids: Sequence[str]) -> Busy:
        """Asks once and waits for the answer; raises `RefusedError` when a message will never be accepted."""

    async def delivered(self, message_id: str, number: int) -> bool:
        """Whether the platform says that the recipient has everything up to this message."""

    async def catch_up(self, number: int) -> None:
        """Tells the platform that the sender too has everything up to this number."""

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


class Requests:
    """What one sender asks the gateway."""

    def __init__(self, url: str, token: str) -> None:
        self._netloc = urlsplit(url).netloc
        self._token = token
        self._connections = Connections(url)

    async def post(self, path: str, body: bytes) -> Answer | float:
        """A 202, or how long to wait where the platform is busy; raises `RefusedError` for any other answer."""
        request = head("POST", path, self._netloc, self._token, len(body)) + body
        try:
            answer = await self._connections.ask(request)
        except ConnectionError:
            return AGAIN_S
        if answer.status == 202:
            return answer
        if answer.status in AGAIN:
            return max(answer.retry_after_s, AGAIN_S)
        raise RefusedError(f"{answer.status}: {answer.body.decode(errors='replace')[:500]}")

    async def read_up_to(self, conversation_id: str, number: int) -> None:
        if number:
            await self.post(f"/v1/conversations/{conversation_id}/read", b'{"sequence_number":%d}' % number)

    async def is_delivered(self, message_id: str) -> bool:
        request = head("GET", f"/v1/messages/{message_id}/status", self._netloc, self._token, 0)
        answer = await self._connections.ask(request)
        return answer.status == 200 and read_status.decode(answer.body).status in FINAL

    def close(self) -> None:
        self._connections.close()


class HttpDoor:
    """`POST /v1/messages`."""

    size = 1

    def __init__(self, url: str, pair: Pair) -> None:
        self._requests = Requests(url, pair.sender.access_token)
        self._conversation_id = pair.conversation_id
        self._first, self._last = body_parts(pair.conversation_id, {})

    async def send(self, message_ids: Sequence[str]) -> Busy:
        body = b"".join((self._first, message_ids[0].encode(), self._last))
        answer = await self._requests.post("/v1/messages", body)
        return Busy(message_ids, answer) if isinstance(answer, float) else ACCEPTED

    async def delivered(self, message_id: str, number: int) -> bool:
        return await self._requests.is_delivered(message_id)

    async def catch_up(self, number: int) -> None:
        await self._requests.read_up_to(self._conversation_id, number)

    def close(self) -> None:
        self._requests.close()


class Problem(msgspec.Struct):
    """Why one message of a batch was not accepted."""

    status: int
    code: str = ""
    retry_after: float = AGAIN_S


class Item(msgspec.Struct):
    """The answer to one message of a batch."""

    status: str = ""
    problem: Problem | None = None


class Items(msgspec.Struct):
    """The answer to a batch, in the order of its messages."""

    items: list[Item]


read_items = msgspec.json.Decoder(Items).decode


class BatchDoor(HttpDoor):
    """`POST /v1/messages/batch`; what of a batch was not accepted is a smaller batch."""

    size = BATCH

    async def send(self, message_ids: Sequence[str]) -> Busy:
        messages = (b"".join((self._first, name.encode(), self._last)) for name in message_ids)
        answer = await self._requests.post("/v1/messages/batch", b'{"messages":[' + b",".join(messages) + b"]}")
        return Busy(message_ids, answer) if isinstance(answer, float) else refused(message_ids, answer.body)


def refused(message_ids: Sequence[str], body: bytes) -> Busy:
    """What a 202 to a batch leaves to be sent again; raises `RefusedError` for what would be refused again."""
    problems: dict[str, Problem] = {}
    for message_id, item in zip(message_ids, read_items(body).items, strict=True):
        if item.problem is not None:
            problems[message_id] = item.problem
        elif item.status != "ACCEPTED":
            raise RefusedError(f"a message of a batch is {item.status or 'without an answer'}")
    for problem in problems.values():
        if problem.status not in AGAIN:
            raise RefusedError(f"{problem.status}: {problem.code}, in a batch")
    return Busy([*problems], max((one.retry_after for one in problems.values()), default=0.0))


class SocketDoor:
    """`send` frames on the sender's own device; receipts there say what is delivered."""

    size = 1

    def __init__(self, device: Device, pair: Pair) -> None:
        self._device = device
        self._first, self._last = body_parts(pair.conversation_id, {"type": "send", "ref": ID})
        self._middle, self._last = self._last.split(ID.encode())
        self._partner = pair.recipient.username
        self._waiting: dict[str, asyncio.Future[bool]] = {}
        self._delivered = 0
        device.on_frame.append(self._hear)

    async def send(self, message_ids: Sequence[str]) -> Busy:
        name = message_ids[0].encode()
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[message_ids[0]] = answer
        self._device.write(b"".join((self._first, name, self._middle, name, self._last)))
        return ACCEPTED if await answer else Busy(message_ids, AGAIN_S)

    async def delivered(self, message_id: str, number: int) -> bool:
        return self._delivered >= number

    async def catch_up(self, number: int) -> None:
        self._device.flush()

    def close(self) -> None:
        self._device.close()

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
        problem = msgspec.json.decode(frame.problem, type=Problem)
        answer = self._waiting.pop(frame.ref)
        if problem.status in AGAIN:
            answer.set_result(False)
        else:
            answer.set_exception(RefusedError(bytes(frame.problem).decode()))

    def _give_up(self) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(RefusedError("the sender's socket closed"))
