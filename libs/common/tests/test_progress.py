"""How far a group has got, seen from outside."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from libs.common.errors import Unavailable
from libs.common.events import MESSAGE_EVENTS
from libs.common.kafka import GroupProgress, Producer, follow
from libs.common.tests.broker import Broker, Collector, consuming, numbered, publish


async def test_a_group_has_passed_what_it_has_handled_and_committed(kafka: Broker, producer: Producer) -> None:
    async with follow(kafka[0], "group", MESSAGE_EVENTS, kafka[1], deadline_s=60) as progress:
        assert await progress.has_passed(await progress.ends())
        await publish(producer, *numbered(20))
        ends = await progress.ends()
        assert sum(ends.values()) == 20
        assert not await progress.has_passed(ends)
        handler = Collector()
        async with consuming(kafka, producer, handler):
            await handler.until(*numbered(20))
            await _passed(progress, ends)
        await publish(producer, b"later")
        assert await progress.has_passed(ends)
        assert not await progress.has_passed(await progress.ends())


async def test_a_log_whose_records_have_all_expired_is_no_work_for_anybody(kafka: Broker, producer: Producer) -> None:
    """Also where the group's offsets have expired with them."""
    bootstrap, prefix = kafka
    async with follow(bootstrap, "group", MESSAGE_EVENTS, prefix, deadline_s=60) as progress:
        await publish(producer, *numbered(20))
        ends = await progress.ends()
        assert not await progress.has_passed(ends)
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        topic = prefix + MESSAGE_EVENTS
        await admin.delete_records({TopicPartition(topic, p): RecordsToDelete(end) for p, end in ends.items()})
        await admin.close()
        assert await progress.ends() == {}
        assert await progress.has_passed({})


async def _passed(progress: GroupProgress, ends: Mapping[int, int]) -> None:
    async with asyncio.timeout(60):
        while not await progress.has_passed(ends):
            await asyncio.sleep(0.05)


async def test_a_broker_that_is_away_is_said_to_be() -> None:
    async with AsyncExitStack() as resources:
        progress = GroupProgress("127.0.0.1:1", "group", MESSAGE_EVENTS, "", resources)
        for asked in (progress.ends(), progress.has_passed({})):
            with pytest.raises(Unavailable):
                await asked
