"""Members of a group come, wait, dawdle and go: nothing is lost, and nothing is committed that is not done."""

import asyncio
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient

from libs.common.bus import Record, Rejected
from libs.common.errors import Retry
from libs.common.events import MESSAGE_EVENTS
from libs.common.kafka import Outgoing, Producer
from libs.common.tests.broker import Broker, Collector, consuming, is_member, numbered, publish, until, waits_for


def not_now(_batch: Sequence[Record]) -> None:
    raise Retry("a dependency", after_s=0.2)


class Slow(Collector):
    """Takes as long as it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def handle(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        self.begun.set()
        await self.may_end.wait()
        return await super().handle(batch)


class Held(Collector):
    """Handles, but its checkpoint takes as long as it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = asyncio.Event()

    async def checkpoint(self) -> None:
        await self.may_end.wait()


async def committed(kafka: Broker) -> int:
    """How many records of the topic the group has behind it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka[0])
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(f"{kafka[1]}group")
    finally:
        await admin.close()
    return sum(at.offset for at in offsets.values())


async def test_offsets_are_committed_after_the_checkpoint(kafka: Broker, producer: Producer) -> None:
    handler = Held()
    await publish(producer, *numbered(10))
    async with consuming(kafka, producer, handler):
        await handler.until(*numbered(10))
        assert await committed(kafka) == 0
        handler.may_end.set()
        async with asyncio.timeout(60):
            while await committed(kafka) < 10:
                await asyncio.sleep(0.02)


async def test_who_goes_while_it_waits_commits_nothing(kafka: Broker, producer: Producer) -> None:
    second = Collector()
    await publish(producer, *numbered(10))
    async with consuming(kafka, producer, Collector(not_now)) as first:
        await waits_for(first, "a dependency")
    assert await committed(kafka) == 0
    async with consuming(kafka, producer, second):
        await second.until(*numbered(10))
    assert sorted(second.handled) == sorted(numbered(10))


async def test_a_long_wait_ends_at_once_when_told_to_stop(kafka: Broker, producer: Producer) -> None:
    def not_for_long(_batch: Sequence[Record]) -> None:
        raise Retry("a dependency", after_s=3600)

    await publish(producer, b"one")
    async with asyncio.timeout(60), consuming(kafka, producer, Collector(not_for_long)) as member:
        await waits_for(member, "a dependency")


async def test_a_key_stays_in_order_through_a_wait(kafka: Broker, producer: Producer) -> None:
    """What is published meanwhile comes after what waits."""
    is_away = True

    def waits(batch: Sequence[Record]) -> None:
        if is_away:
            not_now(batch)

    handler, values = Collector(waits), numbered(60)
    await producer.publish_all([Outgoing(MESSAGE_EVENTS, "one key", v, []) for v in values[:30]])
    async with consuming(kafka, producer, handler) as member:
        await waits_for(member, "a dependency")
        await producer.publish_all([Outgoing(MESSAGE_EVENTS, "one key", v, []) for v in values[30:]])
        is_away = False
        await handler.until(*values)
    assert handler.handled == values


async def test_who_waits_lets_go_of_its_partitions(kafka: Broker, producer: Producer) -> None:
    second = Collector()
    await publish(producer, *numbered(50))
    async with consuming(kafka, producer, second):
        async with consuming(kafka, producer, Collector(not_now)) as first:
            await is_member(first)
            await publish(producer, *numbered(50, "more"))
            await waits_for(first, "a dependency")
        await second.until(*numbered(50), *numbered(50, "more"))


async def test_who_waits_misses_nothing_of_what_it_is_given_meanwhile(kafka: Broker, producer: Producer) -> None:
    is_away, seen = True, set[bytes]()

    def waits(batch: Sequence[Record]) -> None:
        seen.update(record.value for record in batch)
        if is_away:
            not_now(batch)

    stays, goes = Collector(waits), Collector(not_now)
    async with consuming(kafka, producer, stays) as one:
        async with consuming(kafka, producer, goes) as other:
            await publish(producer, *numbered(50))
            await waits_for(one, "a dependency")
            await waits_for(other, "a dependency")
        await until(lambda: seen == set(numbered(50)))
        is_away = False
        await stays.until(*numbered(50))


async def test_who_dawdles_commits_nothing_that_is_anothers_by_now(kafka: Broker, producer: Producer) -> None:
    """The first is in the middle of a batch when the second comes and gets half of its partitions."""
    first, second, third = Slow(), Collector(), Collector()
    await publish(producer, *numbered(50))
    async with consuming(kafka, producer, first):
        await first.begun.wait()
        async with consuming(kafka, producer, second):
            await until(lambda: bool(second.handled))
            first.may_end.set()
            await until(lambda: set(first.handled + second.handled) == set(numbered(50)))
    await publish(producer, b"later")
    async with consuming(kafka, producer, third):
        await third.until(b"later")
    assert third.handled == [b"later"]
