"""Each test has a scene of its own."""

from collections.abc import AsyncIterator

import pytest

from libs.common import etcd, mongo
from services.webhooks.tests.scene import PATIENCE_S, Scene
from services.webhooks.tests.scene import scene as build


@pytest.fixture
async def scene(database: mongo.Database, etcd_endpoint: str) -> AsyncIterator[Scene]:
    async with etcd.connect(etcd_endpoint, PATIENCE_S) as registry, build(registry, database) as built:
        yield built
