"""Each test has a scene of its own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from conftest import Stack
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
    """The same scene, as it is at the end of a line to MongoDB that may fail."""
    async with (
        line_to(urlsplit(stack.mongo).port or 0) as (line, port),
        mongo.connect(f"mongodb://127.0.0.1:{port}/?directConnection=true", scene.database.name, 1.0) as database,
    ):
        yield line, replace(scene, database=database)
