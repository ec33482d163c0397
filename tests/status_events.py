"""What is told to others: the facts of `status.events` that came since a moment."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.common.events import PARTITIONS, STATUS_EVENTS, StatusEvent, decode
from tests.conftest import Chat
from tests.load import Load


@dataclass(frozen=True)
class Facts:
    consumer: Any

    async def check(self, load: Load) -> None:
        """Each accepted message is told as stored; no two facts that differ speak of the same step."""
        told = await self._read(load.conversations)
        stored = {e.message_id: e.from_number for e in told.values() if e.status == "SENT"}
        for conversation_id in load.conversations:
            for message_id, number in await load.stored(conversation_id):
                assert stored[message_id] == number
        ranges = defaultdict(list)
        for e in told.values():
            if e.status != "SENT":
                ranges[e.conversation_id, e.username, e.status].append((e.from_number, e.to_number))
        assert ranges
        assert {who: r for who, r in ranges.items() if not _is_tiled(sorted(r))} == {}

    async def _read(self, conversations: set[str]) -> dict[bytes, StatusEvent]:
        """By the event's id: a fact may come twice."""
        found: dict[bytes, StatusEvent] = {}
        ends = await self.consumer.end_offsets(self.consumer.assignment())
        async with asyncio.timeout(60):
            while any([await self.consumer.position(tp) < end for tp, end in ends.items()]):
                for records in (await self.consumer.getmany(timeout_ms=200)).values():
                    for r in records:
                        event = decode(StatusEvent, r.value)
                        if event.conversation_id in conversations:
                            found[dict(r.headers)["ce_id"]] = event
        return found


def _is_tiled(ranges: list[tuple[int, int]]) -> bool:
    """One step begins where the one before it ended."""
    return all(later[0] == earlier[1] + 1 for earlier, later in pairwise(ranges))


@asynccontextmanager
async def told_from_now(chat: Chat) -> AsyncIterator[Facts]:
    places = [TopicPartition(STATUS_EVENTS, n) for n in range(PARTITIONS)]
    async with AIOKafkaConsumer(bootstrap_servers=chat.stack.kafka) as consumer:
        consumer.assign(places)
        await consumer.seek_to_end(*places)
        yield Facts(consumer)
