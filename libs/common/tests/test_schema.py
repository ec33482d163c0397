"""The set-up may run again, over what stands already."""

import asyncio
from collections import Counter

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from pymongo.errors import DuplicateKeyError

from libs.common import schema
from libs.common.events import (
    PARTITIONS,
    RECEIPT_EVENTS,
    RETENTION_MS,
    STATUS_EVENTS,
    WITH_DEAD_LETTERS,
    dead_letters_of,
)
from libs.common.mongo import Database
from libs.common.tests.scans import BY_A_TEST

TOPICS = {*RETENTION_MS, *map(dead_letters_of, WITH_DEAD_LETTERS)}


async def topics(kafka: tuple[str, str]) -> dict[str, int]:
    """Name, without the prefix → number of partitions."""
    bootstrap, prefix = kafka
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        found = await admin.describe_topics()
    finally:
        await admin.close()
    return {t["topic"].removeprefix(prefix): len(t["partitions"]) for t in found if t["topic"].startswith(prefix)}


async def test_every_topic_is_there_with_its_partitions(kafka: tuple[str, str]) -> None:
    assert await topics(kafka) == dict.fromkeys(TOPICS, PARTITIONS)


async def test_topics_that_are_there_stay_as_they_are_and_missing_ones_come(kafka: tuple[str, str]) -> None:
    bootstrap, prefix = kafka
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_partitions({prefix + STATUS_EVENTS: NewPartitions(PARTITIONS + 3)})
    await admin.delete_topics([prefix + RECEIPT_EVENTS])
    await admin.close()
    async with asyncio.timeout(60):
        while await topics(kafka) != dict.fromkeys(TOPICS, PARTITIONS) | {STATUS_EVENTS: PARTITIONS + 3}:
            await schema.create_topics(bootstrap, prefix)


async def test_collections_are_set_up_again_without_harm(database: Database) -> None:
    await database["messages"].insert_one({"_id": "a", "conversation_id": "c", "sequence_number": 1})
    before = await indexes(database)
    await schema.create_collections(database)
    assert await indexes(database) == before
    assert await database["messages"].count_documents({}, comment=BY_A_TEST) == 1


async def test_a_newer_version_of_the_schema_is_never_set_back(database: Database) -> None:
    await database["schema"].update_one({"_id": "schema"}, {"$set": {"version": schema.VERSION + 1}})
    await schema.create_collections(database)
    assert await database["schema"].find_one("schema") == {"_id": "schema", "version": schema.VERSION + 1}


async def test_the_order_of_a_conversation_is_fenced(database: Database) -> None:
    await database["messages"].insert_one({"_id": "a", "conversation_id": "c", "sequence_number": 1})
    with pytest.raises(DuplicateKeyError):
        await database["messages"].insert_one({"_id": "b", "conversation_id": "c", "sequence_number": 1})


async def test_a_private_pair_has_one_conversation_and_groups_are_free(database: Database) -> None:
    await database["conversations"].insert_many([{"_id": "a", "pair": ["ana", "bo"]}, {"_id": "b"}, {"_id": "c"}])
    with pytest.raises(DuplicateKeyError):
        await database["conversations"].insert_one({"_id": "d", "pair": ["ana", "bo"]})


async def indexes(database: Database) -> dict[str, Counter[str]]:
    names = await database.list_collection_names()
    return {name: Counter(await database[name].index_information()) for name in names}
