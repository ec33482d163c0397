"""Conversations of two whose members are connected: what the author sends, and what both have then."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uuid_utils

from bench.device import RefusedError, connect
from bench.http import Connection, head
from bench.operations.ear import Ear
from bench.people import Pair
from clients.parley import ParleyClient

LETTERS = 200
WORDS = ["we", "meet", "at", "seven", "near", "the", "old", "bridge", "unless", "it", "rains", "before", "noon"]


class Line(Connection):
    """A user's HTTP connection to the gateway; `sent` and `received` count bytes, heads included."""

    def __init__(self, url: str, token: str) -> None:
        where = urlsplit(url)
        super().__init__(where.hostname or "127.0.0.1", where.port or 80)
        self._netloc, self._token = where.netloc, token
        self.sent = self.received = 0

    async def post(self, path: str, document: Mapping[str, Any]) -> bytes:
        """The body of its 202; raises `RefusedError` for any other answer."""
        body = msgspec.json.encode(document)
        request = head("POST", path, self._netloc, self._token, len(body)) + body
        self.sent += len(request)
        answer = await self.ask(request)
        if answer.status != 202:
            raise RefusedError(f"{answer.status}: {answer.body.decode(errors='replace')[:500]}")
        return answer.body

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        super().data_received(data)


@dataclass(frozen=True)
class Couple:
    """Who writes, and who gets it; each has one device."""

    pair: Pair
    line: Line
    author: Ear
    partner: Ear


@dataclass
class Room:
    """A conversation, new with this run; `written` messages were sent so far."""

    couple: Couple
    conversation_id: str
    written: int = 0

    def next_message(self) -> dict[str, Any]:
        """As long as any other, and in words that no journal can press to nothing."""
        self.written += 1
        words = random.Random(self.written).choices(WORDS, k=LETTERS)
        return {
            "message_id": str(uuid_utils.uuid7()),
            "conversation_id": self.conversation_id,
            "payload": {"type": "text", "text": " ".join(words)[:LETTERS]},
        }

    async def arrived(self) -> None:
        """Both have all that was written."""
        for ear in (self.couple.author, self.couple.partner):
            await ear.message(self.conversation_id, self.written)

    async def acknowledge(self, ear: Ear, username: str) -> None:
        """This member acknowledges all that was written; returns when both have heard of it."""
        ear.say({"type": "ack", "conversation_id": self.conversation_id, "sequence_number": self.written})
        for hearing in (self.couple.author, self.couple.partner):
            await hearing.receipt(self.conversation_id, username, self.written)

    async def acknowledged(self) -> None:
        await self.acknowledge(self.couple.partner, self.couple.pair.recipient.username)

    async def left(self) -> None:
        """Authors have messages of their own pending, too, until they acknowledge them."""
        if self.written:
            await self.acknowledge(self.couple.author, self.couple.pair.sender.username)


@asynccontextmanager
async def connected(url: str, pairs: Sequence[Pair]) -> AsyncIterator[list[Couple]]:
    with ExitStack() as resources:
        couples = [Couple(p, Line(url, p.sender.access_token), Ear(), Ear()) for p in pairs]
        for couple in couples:
            for closing in (couple.line, couple.author, couple.partner):
                resources.callback(closing.close)
            await connect(url, couple.pair.sender.access_token, couple.author)
            await connect(url, couple.pair.recipient.access_token, couple.partner)
        yield couples


async def open_rooms(url: str, couples: Sequence[Couple], count: int) -> list[Room]:
    """So many new conversations of each couple."""
    rooms = []
    for couple in couples:
        async with ParleyClient(url, access_token=couple.pair.sender.access_token) as client:
            for _ in range(count):
                conversation = await client.open_group([couple.pair.recipient.username], "operations")
                rooms.append(Room(couple, conversation.conversation_id))
    return rooms


def passed(couples: Sequence[Couple]) -> Counter[str]:
    """What went through the gateway until now."""
    ears = [ear for couple in couples for ear in (couple.author, couple.partner)]
    return Counter(
        {
            "HTTP bytes in": sum(couple.line.sent for couple in couples),
            "HTTP bytes out": sum(couple.line.received for couple in couples),
            "socket frames out": sum(ear.frames for ear in ears),
            "socket bytes out": sum(ear.bytes for ear in ears),
        }
    )
