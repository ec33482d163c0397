"""Each test has a scene of its own."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from libs.common import mongo
from services.router.tests.scene import Scene
from services.router.tests.scene import scene as build


@pytest.fixture
async def scene(database: mongo.Database, cache: Redis, kafka: tuple[str, str]) -> AsyncIterator[Scene]:
    async with build(database, cache, kafka) as built:
        yield built
