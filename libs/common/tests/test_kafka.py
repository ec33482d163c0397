"""Consuming from a real broker: nothing is skipped, whoever leaves, waits or dies."""

import asyncio
from collections.abc import Sequence

import pytest

from libs.common.bus import Record
from libs.common.errors import Retry, Unavailable
from libs.common.events import MESSAGE_EVENTS
from libs.common.kafka import Producer, connect
from libs.common.tests.broker import Broker, Collector, consuming, numbered, publish


async def test_every_record_is_handled_once_and_committed_by_a_clean_stop(kafka: Broker, producer: Producer) -> None:
    first, second = Collector(), Collector()
    await publish(producer, *numbered(50))
    async with consuming(kafka, producer, first):
        await first.until(*numbered(50))
        await publish(producer, *numbered(20, "more"))
        await first.until(*numbered(20, "more"))
    await publish(producer, b"later")
    async with consuming(kafka, producer, second):
        await second.until(b"later")
    assert sorted(first.handled) == sorted([*numbered(50), *numbered(20, "more")])
    assert second.handled == [b"later"]
    assert first.checkpoints[-1] == 70


async def test_a_handler_that_waits_gets_the_same_records_again(kafka: Broker, producer: Producer) -> None:
    """Also before anything was ever committed: nothing is skipped."""
    waits = 3

    def not_yet(_batch: Sequence[Record]) -> None:
        nonlocal waits
        waits -= 1
        if waits >= 0:
            raise Retry("a dependency", after_s=0.1)

    handler = Collector(not_yet)
    await publish(producer, *numbered(20))
    async with consuming(kafka, producer, handler):
        await handler.until(*numbered(20))
    assert sorted(handler.handled) == sorted(numbered(20))


async def test_what_was_handled_but_not_committed_comes_again(kafka: Broker, producer: Producer) -> None:
    class Stuck(Collector):
        async def checkpoint(self) -> None:
            raise Retry("a dependency")

    first, second = Stuck(), Collector()
    await publish(producer, *numbered(10))
    async with consuming(kafka, producer, first):
        await first.until(*numbered(10))
    async with consuming(kafka, producer, second):
        await second.until(*numbered(10))
    assert sorted(second.handled) == sorted(numbered(10))


async def test_a_member_that_leaves_in_the_middle_of_a_load_loses_nothing(kafka: Broker, producer: Producer) -> None:
    first, second = Collector(), Collector()
    async with consuming(kafka, producer, first):
        await publish(producer, *numbered(100, "a"))
        async with consuming(kafka, producer, second):
            for part in "bcdefgh":
                await publish(producer, *numbered(100, part))
        await publish(producer, *numbered(100, "i"))
        await first.until(*numbered(100, "i"))
        expected = {value for part in "abcdefghi" for value in numbered(100, part)}
        async with asyncio.timeout(60):
            while set(first.handled + second.handled) != expected:
                await asyncio.sleep(0.02)


async def test_records_of_a_key_stay_in_order(kafka: Broker, producer: Producer) -> None:
    handler = Collector()
    await asyncio.gather(*(producer.publish(MESSAGE_EVENTS, "one key", value, []) for value in numbered(200)))
    async with consuming(kafka, producer, handler):
        await handler.until(*numbered(200))
    assert handler.handled == numbered(200)


async def test_without_a_broker_publishing_is_refused_at_once() -> None:
    async with connect("127.0.0.1:1") as producer:
        with pytest.raises(Unavailable):
            await producer.publish(MESSAGE_EVENTS, "key", b"value", [])
