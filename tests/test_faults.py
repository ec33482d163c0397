"""What is accepted stays, with processes killed in the middle of a load, records that come twice, and rubbish."""

import asyncio
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from clients.parley import ParleyError
from libs.common import mongo
from tests.conftest import Chat, Person, until
from tests.dead_letters import dead_letter

SENDERS = 6


@pytest.mark.parametrize(
    "process", ["router", "presence", "frontend", "auth", "nginx", "kafka", "mongo", "redis", "etcd"]
)
async def test_nothing_is_lost_doubled_or_swapped_when_a_process_is_killed(chat: Chat, process: str) -> None:
    ana, bo, conversation = await chat.pair()
    sent: list[list[str]] = [[] for _ in range(SENDERS)]
    stop = asyncio.Event()
    loads = [asyncio.create_task(_send_until(stop, ana, conversation.conversation_id, s)) for s in sent]
    await until(lambda: sum(map(len, sent)) > 100)
    chat.kill(process)
    before = sum(map(len, sent))
    await until(lambda: sum(map(len, sent)) > before + 300)
    stop.set()
    await asyncio.gather(*loads)
    accepted = [message_id for ids in sent for message_id in ids]
    history = await _history(bo, conversation.conversation_id, len(accepted))
    assert sorted(message_id for message_id, _ in history) == sorted(accepted)
    assert [number for _, number in history] == list(range(1, len(accepted) + 1))
    order = dict(history)
    assert all([order[m] for m in ids] == sorted(order[m] for m in ids) for ids in sent)


async def test_a_device_sees_every_message_once_and_in_order_while_the_router_is_killed(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    device = await bo.connect(acknowledges=True)
    await device.caught_up()
    sent: list[str] = []
    stop = asyncio.Event()
    load = asyncio.create_task(_send_until(stop, ana, conversation.conversation_id, sent))
    await device.until(50)
    chat.kill("router")
    await device.until(200)
    stop.set()
    await load
    await device.until(len(sent))
    assert [m.message_id for m in device.messages] == sent
    assert device.numbers == list(range(1, len(sent) + 1))


async def test_a_record_that_kafka_holds_twice_is_stored_and_pushed_once(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    device = await bo.connect()
    sent = await ana.client.send(conversation.conversation_id, "once")
    await device.until(1)
    async with _producer(chat) as producer:
        record = await _record_of(chat, ana, sent.message_id)
        await producer.send_and_wait("message.events", record.value, record.key, headers=list(record.headers))
    await ana.client.send(conversation.conversation_id, "after")
    await device.until(2)
    assert device.texts == ["once", "after"]
    assert device.numbers == [1, 2]


async def test_a_poison_record_is_dead_lettered_and_delays_nobody(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    device = await bo.connect()
    poison = f"not an event {uuid4()}".encode()
    async with _producer(chat) as producer:
        at = await producer.send_and_wait("message.events", poison, conversation.conversation_id.encode())
    await ana.client.send(conversation.conversation_id, "after the poison")
    await device.until(1)
    dead = await dead_letter(chat, poison)
    assert device.texts == ["after the poison"]
    assert dead["dlq_reason"] == b"malformed"
    assert dead["dlq_origin"] == f"message.events/{at.partition}/{at.offset}".encode()


async def test_an_id_that_is_taken_by_another_message_is_never_stored(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    device = await ana.connect()
    sent = await ana.client.send(conversation.conversation_id, "mine")
    record = await _record_of(chat, ana, sent.message_id)
    forged = record.value.replace(b'"mine"', b'"forged"').replace(b'"fingerprint":"', b'"fingerprint":"f')
    async with _producer(chat) as producer:
        await producer.send_and_wait("message.events", forged, record.key, headers=list(record.headers))
    await until(lambda: any(getattr(e, "problem", None) for e in device.events))
    assert (await dead_letter(chat, forged))["dlq_reason"] == b"message_id_conflict"
    assert [m.text for m in (await bo.client.history(conversation.conversation_id)).items] == ["mine"]


async def _send_until(stop: asyncio.Event, person: Person, conversation_id: str, sent: list[str]) -> None:
    """One after the other, each repeated with its id until it is accepted."""
    while not stop.is_set():
        message_id = str(uuid4())
        while True:
            try:
                await person.client.send(conversation_id, f"number {len(sent)}", message_id=message_id)
                break
            except ParleyError:
                continue
        sent.append(message_id)


async def _history(person: Person, conversation_id: str, count: int) -> list[tuple[str, int]]:
    """(message_id, number) of all messages, once so many are stored."""
    found: list[tuple[str, int]] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            since = found[-1][1] if found else 0
            page = await person.client.history(conversation_id, since=since, limit=200)
            found += [(m.message_id, m.sequence_number) for m in page.items]
    return found


def _producer(chat: Chat) -> AIOKafkaProducer:
    return AIOKafkaProducer(bootstrap_servers=chat.stack.kafka)


async def _record_of(chat: Chat, person: Person, message_id: str):  # type: ignore[no-untyped-def]
    """The record in Kafka that a stored message came from."""
    await person.client.status(message_id)
    async with mongo.connect(chat.stack.mongo, chat.stack.mongo_database) as database:
        stored = await database["messages"].find_one({"_id": message_id})
    assert stored is not None
    topic, partition, offset = stored["source"].split("/")
    place = TopicPartition(topic, int(partition))
    async with AIOKafkaConsumer(bootstrap_servers=chat.stack.kafka) as consumer:
        consumer.assign([place])
        consumer.seek(place, int(offset))
        return await consumer.getone(place)
