"""Each test has a node of its own."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from conftest import Stack
from libs.common import mongo
from services.presence.tests.door import Door
from services.presence.tests.door import door as build_door
from services.presence.tests.scene import Scene
from services.presence.tests.scene import scene as build


@pytest.fixture
async def scene(database: mongo.Database, cache: Redis, stack: Stack) -> AsyncIterator[Scene]:
    async with build(database, cache, stack.redis) as built:
        yield built


@pytest.fixture
async def door(scene: Scene) -> AsyncIterator[Door]:
    async with build_door(scene) as built:
        yield built
