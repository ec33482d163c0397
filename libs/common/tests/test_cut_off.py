"""A consumer that is cut off with work in hand has committed none of it: the next one gets it again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from libs.common.bus import Record, Rejected
from libs.common.events import MESSAGE_EVENTS
from libs.common.kafka import Consumer, Producer
from libs.common.tests.broker import Broker, Collector, consuming, numbered, publish, until


class Halting(Collector):
    """Does not come back once it is told to halt: `reached` says that it is in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.halts = False
        self.reached = False

    async def pause(self) -> None:
        if self.halts:
            self.reached = True
            await asyncio.Event().wait()


class HaltsInHandle(Halting):
    async def handle(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        await self.pause()
        return await super().handle(batch)


class HaltsInCheckpoint(Halting):
    async def checkpoint(self) -> None:
        await self.pause()
        await super().checkpoint()


@asynccontextmanager
async def cut_off(kafka: Broker, producer: Producer, handler: Collector) -> AsyncIterator[None]:
    """A member of the group; leaving the block cancels it wherever it stands."""
    consumer = Consumer(kafka[0], "group", MESSAGE_EVENTS, handler, producer, topic_prefix=kafka[1])
    running = asyncio.create_task(consumer.run(asyncio.Event()))
    try:
        yield
    finally:
        running.cancel()
        async with asyncio.timeout(60):
            with suppress(asyncio.CancelledError):
                await running


async def what_the_next_gets(kafka: Broker, producer: Producer, first: Halting) -> list[bytes]:
    """A clean stop commits `a…`; `b…` is in the hands of a member that is cut off."""
    await publish(producer, *numbered(20, "a"))
    async with consuming(kafka, producer, first):
        await first.until(*numbered(20, "a"))
    first.halts = True
    await publish(producer, *numbered(20, "b"))
    async with cut_off(kafka, producer, first):
        await until(lambda: first.reached)
    second = Collector()
    async with consuming(kafka, producer, second):
        await second.until(*numbered(20, "b"))
    return sorted(second.handled)


async def test_in_the_middle_of_a_batch(kafka: Broker, producer: Producer) -> None:
    assert await what_the_next_gets(kafka, producer, HaltsInHandle()) == sorted(numbered(20, "b"))


async def test_between_the_batch_and_the_commit(kafka: Broker, producer: Producer) -> None:
    """Its effects are there, its checkpoint is not."""
    first = HaltsInCheckpoint()
    assert await what_the_next_gets(kafka, producer, first) == sorted(numbered(20, "b"))
    assert set(first.handled) & set(numbered(20, "b"))
