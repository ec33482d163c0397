"""Batches through the whole path: stored once, in their order, also while Kafka is killed under them."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx

from tests.conftest import Chat, Person, until

SIZE = 50


async def test_a_batch_arrives_in_its_order(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    device = await bo.connect(acknowledges=True)
    async with _door(chat, ana) as door:
        await _send(door, _batch(conversation.conversation_id, range(SIZE)))
    await device.until(SIZE)
    assert device.texts == [f"{n}" for n in range(SIZE)]


async def test_no_batch_is_lost_doubled_or_swapped_when_kafka_is_killed(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    sent: list[str] = []
    stop = asyncio.Event()
    load = asyncio.create_task(_send_until(stop, chat, ana, conversation.conversation_id, sent))
    await until(lambda: len(sent) > 200)
    chat.kill("kafka")
    before = len(sent)
    await until(lambda: len(sent) > before + 500)
    stop.set()
    await load
    device = await bo.connect(acknowledges=True)
    await device.until(len(sent))
    assert device.texts == sent
    assert device.numbers == list(range(1, len(sent) + 1))


def _door(chat: Chat, person: Person) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {person.client.access_token}"}
    return httpx.AsyncClient(base_url=chat.stack.gateway_url, headers=headers, timeout=30)


def _batch(conversation_id: str, numbers: range) -> dict[str, Any]:
    return {
        "messages": [
            {
                "message_id": str(uuid4()),
                "conversation_id": conversation_id,
                "payload": {"type": "text", "text": f"{n}"},
            }
            for n in numbers
        ]
    }


async def _send_until(stop: asyncio.Event, chat: Chat, person: Person, conversation_id: str, sent: list[str]) -> None:
    async with _door(chat, person) as door:
        while not stop.is_set():
            numbers = range(len(sent), len(sent) + SIZE)
            await _send(door, _batch(conversation_id, numbers))
            sent += [f"{n}" for n in numbers]


async def _send(door: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    """The same batch again and again until all of it is accepted."""
    while True:
        answer = await door.post("/v1/messages/batch", json=batch)
        if answer.status_code == 202 and all("message_id" in item for item in answer.json()["items"]):
            return
        assert answer.status_code in (202, 503), answer.text
        await asyncio.sleep(0.2)
