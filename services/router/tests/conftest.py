"""Each test has a scene of its own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from conftest import PATIENCE_S, Stack, until_found
from libs.common import mongo, schema
from libs.common.tests.line import Line, line_to
from services.router.tests.scene import Scene
from services.router.tests.scene import scene as build

ACCOUNTS = [("telegram", "main"), ("telegram", "second")]


@pytest.fixture
async def scene(database: mongo.Database, cache: Redis, kafka: tuple[str, str]) -> AsyncIterator[Scene]:
    async with build(database, cache, kafka) as built:
        yield built


@pytest.fixture
def partitions() -> int:
    """A few: with all that the product has, making and deleting a test's topics costs a second of CPU."""
    return 3


@pytest.fixture
async def topics(kafka: tuple[str, str], partitions: int) -> AsyncIterator[None]:
    """Of two accounts, beside those of every test."""
    await schema.create_topics(*kafka, accounts=ACCOUNTS, partitions=partitions)
    yield
    await schema.delete_topics(*kafka, ACCOUNTS)


@pytest.fixture
async def frail(scene: Scene, stack: Stack) -> AsyncIterator[tuple[Line, Scene]]:
    """The same scene, as a router has it at the end of a line to MongoDB that may fail: it sends no write again."""
    async with line_to(urlsplit(stack.mongo).port or 0) as (line, port):
        uri, name = f"mongodb://127.0.0.1:{port}/?directConnection=true", scene.database.name
        async with mongo.connect(uri, name, PATIENCE_S, retry_writes=False) as database:
            await until_found(database)
            yield line, replace(scene, database=database)
