"""Reads MongoDB and Kafka directly, past every service of ours."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

from tests.ledger.checker.evidence import Stored
from tests.ledger.history import History

TOPIC = "message.events"
BATCH = 2_000
PATIENCE_S = 60.0
AGAIN_S = 0.3


async def read_messages(settings: Mapping[str, str], history: History) -> list[Stored]:
    """Every message of this run's conversations."""
    conversations = {conversation: index for index, conversation in enumerate(history.conversations)}
    texts = {history.text(index): index for index in range(len(history.sent))}
    fields = {"conversation_id": 1, "sequence_number": 1, "from": 1, "payload.text": 1}
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(settings["PARLEY_MONGO"], serverSelectionTimeoutMS=20_000) as client:
        messages: AsyncCollection[dict[str, Any]] = client[settings["PARLEY_MONGO_DATABASE"]]["messages"]
        query = {"conversation_id": {"$in": list(conversations)}}
        found = messages.find(query, fields, batch_size=BATCH)
        return [
            Stored(
                d["_id"],
                conversations[d["conversation_id"]],
                d["sequence_number"],
                d["from"],
                texts.get(d["payload"]["text"], -1),
            )
            async for d in found
        ]


async def read_topic(settings: Mapping[str, str]) -> Counter[str]:
    """How often each message id stands in the topic, from its first record to its last."""
    consumer = await _consumer(settings["PARLEY_KAFKA"])
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: Counter[str] = Counter()
        while any([await consumer.position(p) < end for p, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=1_000, max_records=BATCH)).values():
                found.update(_message_id(record.value) for record in records)
        return found
    finally:
        await consumer.stop()


async def _consumer(servers: str) -> AIOKafkaConsumer:
    """Started, though the broker was stopped a moment ago and may need a while."""
    end = time.monotonic() + PATIENCE_S
    while True:
        made = AIOKafkaConsumer(
            TOPIC, bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await made.start()
        except KafkaConnectionError:
            await made.stop()
            if time.monotonic() > end:
                raise
            await asyncio.sleep(AGAIN_S)
        else:
            return made


def _message_id(value: bytes | None) -> str:
    try:
        return str(json.loads(value or b"{}").get("message_id", ""))
    except ValueError:
        return ""
