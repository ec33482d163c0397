"""How far a group of consumers has got, asked by somebody outside of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from libs.common.errors import Unavailable
from libs.common.events import PARTITIONS

DEADLINE_S = 2.0


class GroupProgress:
    """Connects when it is first asked. Every method raises `Unavailable` when Kafka does not answer."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topic: str,
        topic_prefix: str,
        resources: AsyncExitStack,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._bootstrap = bootstrap
        self._deadline_s = deadline_s
        self._group = topic_prefix + group
        self._partitions = [TopicPartition(topic_prefix + topic, n) for n in range(PARTITIONS)]
        self._resources = resources
        self._connecting = asyncio.Lock()
        self._clients: tuple[Any, Any] | None = None

    async def ends(self) -> Mapping[int, int]:
        """Partition → the offset behind its last record; without those that are empty: nobody commits there."""
        with _answering():
            async with asyncio.timeout(self._deadline_s):
                consumer, _ = await self._connected()
                first = await consumer.beginning_offsets(self._partitions)
                ends = await consumer.end_offsets(self._partitions)
        return {tp.partition: end for tp, end in ends.items() if end > first[tp]}

    async def has_passed(self, ends: Mapping[int, int]) -> bool:
        """Everything before them is handled and committed."""
        with _answering():
            async with asyncio.timeout(self._deadline_s):
                _, admin = await self._connected()
                found = await admin.list_consumer_group_offsets(self._group, partitions=self._partitions)
        committed = {tp.partition: at.offset for tp, at in found.items()}
        return all(committed.get(partition, -1) >= end for partition, end in ends.items())

    async def _connected(self) -> tuple[Any, Any]:
        async with self._connecting:
            if self._clients is None:
                async with AsyncExitStack() as half:
                    consumer = await half.enter_async_context(AIOKafkaConsumer(bootstrap_servers=self._bootstrap))
                    admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
                    half.push_async_callback(admin.close)
                    await admin.start()
                    self._resources.push_async_exit(half.pop_all())
                self._clients = consumer, admin
            return self._clients


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (KafkaError, TimeoutError) as error:
        raise Unavailable("Kafka", type(error).__name__) from error


@asynccontextmanager
async def follow(
    bootstrap: str, group: str, topic: str, topic_prefix: str = "", deadline_s: float = DEADLINE_S
) -> AsyncIterator[GroupProgress]:
    async with AsyncExitStack() as resources:
        yield GroupProgress(bootstrap, group, topic, topic_prefix, resources, deadline_s)
