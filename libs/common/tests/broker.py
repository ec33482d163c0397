"""What the tests of the bus build from: a handler that keeps what it handled, members of a group, and dead letters."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer

from libs.common.bus import Record, Rejected
from libs.common.errors import Retry
from libs.common.events import MESSAGE_EVENTS
from libs.common.kafka import Consumer, Outgoing, Producer

Broker = tuple[str, str]
"""(bootstrap servers, topic prefix)"""
SESSION_MS = 60_000  # who is held up is not taken for dead, and nothing comes twice for it


class Collector:
    """Keeps the values that it handled; `fails` may raise for a batch."""

    def __init__(self, fails: Callable[[Sequence[Record]], None] = lambda batch: None) -> None:
        self.handled: list[bytes] = []
        self.checkpoints: list[int] = []
        self._fails = fails

    async def handle(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        self._fails(batch)
        self.handled += [record.value for record in batch]
        return []

    async def checkpoint(self) -> None:
        self.checkpoints.append(len(self.handled))

    def forget(self) -> None:
        pass

    async def until(self, *values: bytes) -> None:
        await until(lambda: set(values) <= set(self.handled))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def consuming(kafka: Broker, producer: Producer, handler: Collector) -> AsyncIterator[Consumer]:
    """A member of the group; leaving the block is a SIGTERM."""
    consumer = Consumer(
        kafka[0], "group", MESSAGE_EVENTS, handler, producer, topic_prefix=kafka[1], session_ms=SESSION_MS
    )
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    try:
        yield consumer
    finally:
        stop.set()
        async with asyncio.timeout(60):
            await running


async def publish(producer: Producer, *values: bytes) -> None:
    await producer.publish_all([Outgoing(MESSAGE_EVENTS, value.decode(), value, []) for value in values])


def numbered(count: int, prefix: str = "") -> list[bytes]:
    return [f"{prefix}{n}".encode() for n in range(count)]


async def reason_of(consumer: Consumer) -> str:
    """What a member says that it waits for."""
    try:
        await consumer.check()
    except Retry as reason:
        return str(reason)
    return ""


async def is_member(consumer: Consumer) -> None:
    """It has had its first assignment."""
    async with asyncio.timeout(60):
        while "first assignment" in await reason_of(consumer):
            await asyncio.sleep(0.02)


async def waits_for(consumer: Consumer, words: str) -> None:
    async with asyncio.timeout(60):
        while words not in await reason_of(consumer):
            await asyncio.sleep(0.02)


async def dead_letters(kafka: Broker, count: int = 1) -> list[Any]:
    """The first records in the DLQ, as the driver has them."""
    bootstrap, prefix = kafka
    topic = f"{prefix}{MESSAGE_EVENTS}.dlq"
    async with (
        AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer,
        asyncio.timeout(60),
    ):
        return [await consumer.getone() for _ in range(count)]
