"""The one idempotent step that sets up topics, collections and indexes: `python -m libs.common.schema`."""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError
from pymongo import ASCENDING, IndexModel

from connectors.catalogue import read_accounts
from libs.common import mongo
from libs.common.events import (
    CHANNEL_RETENTION_MS,
    DLQ_MAX_BYTES,
    DLQ_RETENTION_MS,
    PARTITIONS,
    RETENTION_MS,
    WITH_DEAD_LETTERS,
    channel_topic,
    dead_letters_of,
)
from libs.common.process import run, wait_for
from libs.common.settings import CommonSettings

VERSION = 16
LED_WITHIN_S = 60
REQUEST_MS = 60_000  # a busy broker takes seconds for hundreds of partitions
TAKEN_BACK_S = 8 * 86_400  # platforms tell of a message again for a week
KEPT_S = 7 * 86_400  # what a platform tells of what is not known yet
NEWEST = [("at", ASCENDING), ("_id", ASCENDING)]
INDEXES = {
    "messages": [
        IndexModel([("conversation_id", ASCENDING), ("sequence_number", ASCENDING)], unique=True, name="order"),
        IndexModel([("stored_at", ASCENDING)], name="opening", partialFilterExpression={"opening": True}),
        IndexModel(
            [("payload.file_id", ASCENDING), ("conversation_id", ASCENDING)],
            name="of_file",
            partialFilterExpression={"payload.file_id": {"$exists": True}},
        ),
    ],
    "deliveries": [
        IndexModel(
            [("channel", ASCENDING), ("account", ASCENDING), ("external_ids", ASCENDING)],
            unique=True,
            name="external",
            partialFilterExpression={"external_ids": {"$exists": True}},
        ),
        IndexModel(
            [("channel", ASCENDING), ("account", ASCENDING), ("address", ASCENDING), ("sent_at", ASCENDING)],
            name="sent_to",
            partialFilterExpression={"sent_at": {"$exists": True}},
        ),
        IndexModel(
            [("parked.lane", ASCENDING), ("parked.place", ASCENDING)],
            name="parked",
            partialFilterExpression={"parked": {"$exists": True}},
        ),
        IndexModel([("updated_at", ASCENDING)], name="queued", partialFilterExpression={"status": "QUEUED"}),
        IndexModel(
            [("notice_until", ASCENDING)],
            name="notices",
            partialFilterExpression={"notice_until": {"$exists": True}},
            expireAfterSeconds=7 * 24 * 3600,
        ),
    ],
    "contacts": [],
    "people": [
        IndexModel([("identities.name", ASCENDING)], unique=True, name="of_identity"),
        IndexModel(
            [("merged.into", ASCENDING)], name="merged", partialFilterExpression={"merged.into": {"$exists": True}}
        ),
    ],
    "arrivals": [
        IndexModel(
            [("channel", ASCENDING), ("account", ASCENDING), ("address", ASCENDING), ("at", ASCENDING)],
            name="of_address",
        )
    ],
    "taken_back": [IndexModel([("at", ASCENDING)], name="old", expireAfterSeconds=TAKEN_BACK_S)],
    "letters": [
        IndexModel([("state", ASCENDING), *NEWEST], name="by_state"),
        IndexModel([("topic", ASCENDING), ("state", ASCENDING), *NEWEST], name="by_topic"),
        IndexModel([("reason", ASCENDING), ("state", ASCENDING), *NEWEST], name="by_reason"),
        IndexModel(
            [("about.message_id", ASCENDING)],
            name="of_message",
            partialFilterExpression={"about.message_id": {"$exists": True}},
        ),
    ],
    "audit": [],
    "inbound_waiting": [
        IndexModel([("lane", ASCENDING), ("place", ASCENDING)], name="order"),
        IndexModel([("channel", ASCENDING), ("account", ASCENDING), ("kept_at", ASCENDING)], name="of_account"),
    ],
    "inbound_lanes": [IndexModel([("due_at", ASCENDING)], name="due")],
    "early_edits": [IndexModel([("kept_at", ASCENDING)], name="kept", expireAfterSeconds=KEPT_S)],
    "reports": [IndexModel([("kept_at", ASCENDING)], name="kept", expireAfterSeconds=KEPT_S)],
    "lanes": [IndexModel([("due_at", ASCENDING)], name="due")],
    "routes": [IndexModel([("due_at", ASCENDING)], name="due")],
    "webhook_deliveries": [
        IndexModel([("webhook_id", ASCENDING), ("at", ASCENDING), ("_id", ASCENDING)], name="log"),
        IndexModel(
            [("webhook_id", ASCENDING), ("due_at", ASCENDING), ("at", ASCENDING)],
            name="due",
            partialFilterExpression={"due_at": {"$exists": True}},
        ),
        IndexModel([("created_at", ASCENDING)], name="kept", expireAfterSeconds=30 * 24 * 3600),
    ],
    "webhook_endpoints": [],
    "webhook_lanes": [IndexModel([("due_at", ASCENDING)], name="due")],
    "webhook_replays": [IndexModel([("due_at", ASCENDING)], name="due")],
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
    "files": [
        IndexModel([("owner", ASCENDING), ("_id", ASCENDING)], name="of_owner"),
        IndexModel([("owner", ASCENDING), ("status", ASCENDING), ("size", ASCENDING)], name="used_by_owner"),
        IndexModel([("created_at", ASCENDING)], name="uploading", partialFilterExpression={"status": "uploading"}),
        IndexModel(
            [("lease.until", ASCENDING)],
            name="worked_on",
            partialFilterExpression={"status": {"$in": ["verifying", "scanning"]}},
        ),
        IndexModel([("updated_at", ASCENDING)], name="quarantined", partialFilterExpression={"status": "quarantined"}),
        IndexModel(
            [("arrived_as", ASCENDING)],
            unique=True,
            name="arrived",
            partialFilterExpression={"arrived_as": {"$exists": True}},
        ),
        IndexModel([("untold", ASCENDING)], name="untold", partialFilterExpression={"untold": True}),
        IndexModel([("tidy_at", ASCENDING)], name="untidy", partialFilterExpression={"tidy_at": {"$exists": True}}),
    ],
}
OBSOLETE = {"receipts": {"by_member", "by_status"}, "deliveries": {"reached"}}  # what earlier versions made


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


async def create_topics(
    bootstrap: str,
    prefix: str = "",
    replication: int = 1,
    accounts: Iterable[tuple[str, str]] = (),
    partitions: int = PARTITIONS,
) -> None:
    """Existing topics stay as they are: a partition count is never changed in place. Returns when all can be written.

    Raises `KafkaError`, and `TimeoutError` where a partition has no leader for a minute.
    """
    wanted = topics(prefix, replication, accounts, partitions)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_MS)
    await admin.start()
    try:
        answer = await admin.create_topics(wanted)
        for name, code, *words in answer.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise KafkaError(f"topic {name}: {words or code}")
        async with asyncio.timeout(LED_WITHIN_S):
            await _until_led(admin, [topic.name for topic in wanted])
    finally:
        await admin.close()


async def _until_led(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    while True:
        if all(map(_is_led, await admin.describe_topics(names))):
            return
        await asyncio.sleep(0.05)


def _is_led(topic: Mapping[str, Any]) -> bool:
    return topic["error_code"] == 0 and all(partition["leader"] >= 0 for partition in topic["partitions"])


async def delete_topics(bootstrap: str, prefix: str, accounts: Iterable[tuple[str, str]] = ()) -> None:
    """Removes what `create_topics` made under a prefix of one's own."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_MS)
    await admin.start()
    try:
        await admin.delete_topics([topic.name for topic in topics(prefix, 1, accounts)])
    finally:
        await admin.close()


def topics(
    prefix: str = "", replication: int = 1, accounts: Iterable[tuple[str, str]] = (), partitions: int = PARTITIONS
) -> list[NewTopic]:
    """`accounts`: the (channel, account) whose deliveries have topics of their own."""
    safe = {"min.insync.replicas": "2" if replication >= 3 else "1"}
    settings = {name: {"retention.ms": str(ms)} for name, ms in RETENTION_MS.items()}
    of_channels = [channel_topic(*account) for account in accounts]
    settings |= {topic: {"retention.ms": str(CHANNEL_RETENTION_MS)} for topic in of_channels}
    for topic in (*WITH_DEAD_LETTERS, *of_channels):
        settings[dead_letters_of(topic)] = {
            "retention.ms": str(DLQ_RETENTION_MS),
            "max.message.bytes": str(DLQ_MAX_BYTES),
        }
    return [
        NewTopic(prefix + name, partitions, replication, topic_configs={**own, **safe})
        for name, own in settings.items()
    ]


class Settings(CommonSettings):
    kafka_replication: int = 1


async def main(settings: Settings, stop: asyncio.Event) -> None:
    async with mongo.connect(settings.mongo, settings.mongo_database, timeout_s=20) as database:
        await wait_for("MongoDB", lambda: create_collections(database), stop)
    accounts = [(a.channel, a.account) for a in read_accounts(settings.channels).on]
    said = (settings.kafka, settings.topic_prefix, settings.kafka_replication, accounts)
    await wait_for("Kafka", lambda: create_topics(*said), stop)


if __name__ == "__main__":
    settings = Settings.load()
    run("schema", settings, lambda stop: main(settings, stop))
    sys.exit(0)
