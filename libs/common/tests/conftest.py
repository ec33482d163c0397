"""A producer that is connected, for the tests of what goes over Kafka."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from libs.common.errors import Unavailable
from libs.common.kafka import Producer, connect
from libs.common.tests.broker import Broker

PATIENCE_S = 60.0  # a topic that was just made is not there at once


@pytest.fixture
async def producer(kafka: Broker) -> AsyncIterator[Producer]:
    async with connect(*kafka, deadline_s=PATIENCE_S) as producer:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(Unavailable):
                    await producer.check()
                    break
                await asyncio.sleep(0.02)
        yield producer
