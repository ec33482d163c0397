"""The one idempotent step that sets up topics, collections and indexes: `python -m libs.common.schema`."""

import asyncio
import sys

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError
from pymongo import ASCENDING, IndexModel

from libs.common import mongo
from libs.common.events import (
    DLQ_MAX_BYTES,
    DLQ_RETENTION_MS,
    DLQ_SUFFIX,
    MESSAGE_EVENTS,
    PARTITIONS,
    RECEIPT_EVENTS,
    RETENTION_MS,
)
from libs.common.process import run, wait_for
from libs.common.settings import CommonSettings

VERSION = 3
INDEXES = {
    "messages": [
        IndexModel([("conversation_id", ASCENDING), ("sequence_number", ASCENDING)], unique=True, name="order"),
        IndexModel([("stored_at", ASCENDING)], name="opening", partialFilterExpression={"opening": True}),
    ],
    "deliveries": [],
    "conversations": [
        IndexModel([("members", ASCENDING), ("last_activity", ASCENDING), ("_id", ASCENDING)], name="of_member"),
        IndexModel(
            [("pair", ASCENDING)], unique=True, name="pair", partialFilterExpression={"pair": {"$exists": True}}
        ),
    ],
    "receipts": [
        IndexModel(
            [
                ("conversation_id", ASCENDING),
                ("status", ASCENDING),
                ("username", ASCENDING),
                ("from_number", ASCENDING),
            ],
            unique=True,
            name="steps",
        )
    ],
    "watermarks": [],
}
OBSOLETE = {"receipts": {"by_member", "by_status"}}  # what earlier versions made


async def create_collections(database: mongo.Database) -> None:
    with mongo.answering():
        present = await database.list_collection_names()
        for name, indexes in INDEXES.items():
            if name not in present:
                await database.create_collection(name)
            if indexes:
                await database[name].create_indexes(indexes)
        for name, obsolete in OBSOLETE.items():
            for index in obsolete & (await database[name].index_information()).keys():
                await database[name].drop_index(index)
        await database["schema"].update_one({"_id": "schema"}, {"$max": {"version": VERSION}}, upsert=True)


async def create_topics(bootstrap: str, prefix: str = "", replication: int = 1) -> None:
    """Existing topics stay as they are: a partition count is never changed in place."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
    await admin.start()
    try:
        answer = await admin.create_topics(topics(prefix, replication))
        for name, code, *words in answer.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise KafkaError(f"topic {name}: {words or code}")
    finally:
        await admin.close()


async def delete_topics(bootstrap: str, prefix: str) -> None:
    """Removes what `create_topics` made under a prefix of one's own."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
    await admin.start()
    try:
        await admin.delete_topics([topic.name for topic in topics(prefix, 1)])
    finally:
        await admin.close()


def topics(prefix: str = "", replication: int = 1) -> list[NewTopic]:
    safe = {"min.insync.replicas": "2" if replication >= 3 else "1"}
    settings = {name: {"retention.ms": str(ms)} for name, ms in RETENTION_MS.items()}
    for topic in (MESSAGE_EVENTS, RECEIPT_EVENTS):
        settings[topic + DLQ_SUFFIX] = {"retention.ms": str(DLQ_RETENTION_MS), "max.message.bytes": str(DLQ_MAX_BYTES)}
    return [
        NewTopic(prefix + name, PARTITIONS, replication, topic_configs={**own, **safe})
        for name, own in settings.items()
    ]


class Settings(CommonSettings):
    kafka_replication: int = 1


async def main(settings: Settings, stop: asyncio.Event) -> None:
    async with mongo.connect(settings.mongo, settings.mongo_database, timeout_s=20) as database:
        await wait_for("MongoDB", lambda: create_collections(database), stop)
    await wait_for(
        "Kafka", lambda: create_topics(settings.kafka, settings.topic_prefix, settings.kafka_replication), stop
    )


if __name__ == "__main__":
    settings = Settings.load()
    run("schema", settings, lambda stop: main(settings, stop))
    sys.exit(0)
