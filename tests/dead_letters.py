"""What was given up: the records of `message.events.dlq`, as an operator finds them."""

import asyncio

from aiokafka import AIOKafkaConsumer

from tests.conftest import Chat


async def dead_letter(chat: Chat, words: bytes) -> dict[str, bytes]:
    """The headers of the first record whose value has these words in it."""
    topic = "message.events.dlq"
    async with (
        AIOKafkaConsumer(topic, bootstrap_servers=chat.stack.kafka, auto_offset_reset="earliest") as consumer,
        asyncio.timeout(60),
    ):
        async for record in consumer:
            if words in record.value:
                return dict(record.headers)
    raise AssertionError("the DLQ ended")
