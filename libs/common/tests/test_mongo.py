"""What MongoDB says in earnest: "not now" is waited for, "never like this" is told at once."""

import asyncio
from typing import Any

import pytest
from pymongo import WriteConcern
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from conftest import Stack
from libs.common import mongo
from libs.common.errors import Unavailable
from libs.common.tests.scans import BY_A_TEST

SLOW = {"$where": "sleep(500) || true"}


async def test_a_duplicate_key_passes_through(database: mongo.Database) -> None:
    await database["things"].insert_one({"_id": 1})
    with pytest.raises(DuplicateKeyError), mongo.answering():
        await database["things"].insert_one({"_id": 1})
    with pytest.raises(BulkWriteError), mongo.answering():
        await database["things"].insert_many([{"_id": 2}, {"_id": 1}])


async def test_a_command_that_is_wrong_passes_through(database: mongo.Database) -> None:
    with pytest.raises(OperationFailure), mongo.answering():
        await database["things"].find_one({"$nonsense": 1})


@pytest.mark.parametrize("documents", [[{"_id": 1}], [{"_id": 1}, {"_id": 2}]])
async def test_a_majority_that_is_not_there_is_waited_for(
    database: mongo.Database, documents: list[dict[str, Any]]
) -> None:
    things = database["things"].with_options(write_concern=WriteConcern(w=3))
    with pytest.raises(Unavailable), mongo.answering():
        await things.insert_many(documents)


async def test_a_server_that_is_slow_is_waited_for(stack: Stack, database: mongo.Database) -> None:
    await database["things"].insert_one({"_id": 1})
    async with mongo.connect(stack.mongo, database.name, timeout_s=0.2) as hasty:
        with pytest.raises(Unavailable), mongo.answering():
            await hasty["things"].find_one(SLOW, comment=BY_A_TEST)


async def test_where_nobody_listens_is_said_within_the_deadline() -> None:
    async with mongo.connect("mongodb://127.0.0.1:1/", "nothing", timeout_s=0.3) as nobody, asyncio.timeout(20):
        with pytest.raises(Unavailable), mongo.answering():
            await nobody["things"].insert_one({"_id": 1})
        with pytest.raises(Unavailable):
            await mongo.check(nobody)
