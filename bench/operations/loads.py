"""The loads, always the same: each message alone over HTTP, alone over the socket, and a thousand in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from bench.device import RefusedError
from bench.operations.rooms import Couple, Room, open_rooms

ALONE = 30  # messages of each couple, each in a conversation that was quiet before
BATCHES = 5  # of each couple, all in one conversation
BATCH = 100

Send = Callable[[Room], Awaitable[None]]


@dataclass(frozen=True)
class Load:
    """`run` sends `messages` messages and returns when all of them are acknowledged."""

    name: str
    messages: int
    rooms: Sequence[Room]
    run: Callable[[Sequence[Room]], Awaitable[None]]


async def loads(url: str, couples: Sequence[Couple]) -> list[Load]:
    quiet = await open_rooms(url, couples, ALONE)
    busy = await open_rooms(url, couples, 1)
    return [
        Load("alone, HTTP", len(quiet), quiet, lambda rooms: one_by_one(rooms, by_http)),
        Load("alone, socket", len(quiet), quiet, lambda rooms: one_by_one(rooms, by_socket)),
        Load("in batches", len(busy) * BATCHES * BATCH, busy, in_batches),
    ]


async def by_http(room: Room) -> None:
    await room.couple.line.post("/v1/messages", room.next_message())


async def by_socket(room: Room) -> None:
    message = room.next_message()
    room.couple.author.say({"type": "send", "ref": message["message_id"], **message})
    await room.couple.author.accepted(message["message_id"])


async def by_batch(room: Room) -> None:
    answer = await room.couple.line.post(
        "/v1/messages/batch", {"messages": [room.next_message() for _ in range(BATCH)]}
    )
    refused = [item for item in msgspec.json.decode(answer)["items"] if "problem" in item]
    if refused:
        raise RefusedError(f"{len(refused)} of a batch: {refused[0]}")


async def one_by_one(rooms: Sequence[Room], send: Send) -> None:
    """Each is sent when the one before is acknowledged, so whatever can be a batch is a batch of one."""
    for room in rooms:
        await send(room)
        await room.arrived()
        await room.acknowledged()


async def in_batches(rooms: Sequence[Room]) -> None:
    """All couples at once; what has arrived is acknowledged once, at the end."""

    async def write(room: Room) -> None:
        for _ in range(BATCHES):
            await by_batch(room)

    await asyncio.gather(*map(write, rooms))
    for room in rooms:
        await room.arrived()
    for room in rooms:
        await room.acknowledged()
