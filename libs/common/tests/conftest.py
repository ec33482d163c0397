"""A producer that is connected, for the tests of what goes over Kafka."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from libs.common.errors import Unavailable
from libs.common.kafka import Producer, connect
from libs.common.tests.broker import Broker


@pytest.fixture
async def producer(kafka: Broker) -> AsyncIterator[Producer]:
    async with connect(*kafka) as producer:
        async with asyncio.timeout(20):
            while True:
                with suppress(Unavailable):
                    await producer.check()
                    break
                await asyncio.sleep(0.02)
        yield producer
