"""Consuming from a real broker: nothing is skipped, only what fails alone is dead-lettered."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka import AIOKafkaConsumer

from libs.common.bus import Record, Rejected
from libs.common.errors import Reject, Retry, Unavailable
from libs.common.events import MESSAGE_EVENTS
from libs.common.kafka import Consumer, Outgoing, Producer, connect

Broker = tuple[str, str]


class Collector:
    """Keeps the values that it handled; `fails` may raise for a batch."""

    def __init__(self, fails: Callable[[Sequence[Record]], None] = lambda batch: None) -> None:
        self.handled: list[bytes] = []
        self.checkpoints: list[int] = []
        self._fails = fails

    async def handle(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        self._fails(batch)
        self.handled += [record.value for record in batch]
        return []

    async def checkpoint(self) -> None:
        self.checkpoints.append(len(self.handled))

    def forget(self) -> None:
        pass

    async def until(self, *values: bytes) -> None:
        async with asyncio.timeout(30):
            while not set(values) <= set(self.handled):
                await asyncio.sleep(0.02)


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


@asynccontextmanager
async def consuming(kafka: Broker, producer: Producer, handler: Collector) -> AsyncIterator[Consumer]:
    """A member of the group; leaving the block is a SIGTERM."""
    consumer = Consumer(kafka[0], "group", MESSAGE_EVENTS, handler, producer, topic_prefix=kafka[1])
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    try:
        yield consumer
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await running


async def publish(producer: Producer, *values: bytes) -> None:
    await producer.publish_all([Outgoing(MESSAGE_EVENTS, value.decode(), value, []) for value in values])


def numbered(count: int, prefix: str = "") -> list[bytes]:
    return [f"{prefix}{n}".encode() for n in range(count)]


async def test_every_record_is_handled_once_and_committed_by_a_clean_stop(kafka: Broker, producer: Producer) -> None:
    first, second = Collector(), Collector()
    await publish(producer, *numbered(50))
    async with consuming(kafka, producer, first):
        await first.until(*numbered(50))
    await publish(producer, b"later")
    async with consuming(kafka, producer, second):
        await second.until(b"later")
    assert sorted(first.handled) == sorted(numbered(50))
    assert second.handled == [b"later"]
    assert first.checkpoints[-1] == 50


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


@pytest.mark.parametrize("failure", [Reject("poison"), ValueError("a bug")])
async def test_a_record_that_fails_alone_is_dead_lettered_and_the_rest_goes_on(
    kafka: Broker, producer: Producer, failure: Exception
) -> None:
    def refuses_poison(batch: Sequence[Record]) -> None:
        if any(record.value == b"poison" for record in batch):
            raise failure

    handler = Collector(refuses_poison)
    await publish(producer, *numbered(10), b"poison", *numbered(10, "after"))
    async with consuming(kafka, producer, handler):
        await handler.until(*numbered(10), *numbered(10, "after"))
        headers = await dead_letter(kafka)
    assert headers["dlq_reason"] == (b"poison" if isinstance(failure, Reject) else b"handler_failed")
    assert headers["dlq_origin"].startswith(b"message.events/")
    assert headers["dlq_attempts"] == b"1"
    assert headers["dlq_first_at"] == headers["dlq_last_at"]


async def test_when_most_records_fail_the_topic_is_not_emptied(kafka: Broker, producer: Producer) -> None:
    def refuses(_batch: Sequence[Record]) -> None:
        raise Reject("everything_fails")

    await publish(producer, *numbered(120))
    async with consuming(kafka, producer, Collector(refuses)) as consumer:
        async with asyncio.timeout(30):
            while "operator" not in await reason_of(consumer):
                await asyncio.sleep(0.02)
        assert "everything_fails" in await reason_of(consumer)


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
        async with asyncio.timeout(30):
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


async def reason_of(consumer: Consumer) -> str:
    try:
        await consumer.check()
    except Retry as reason:
        return str(reason)
    return ""


async def dead_letter(kafka: Broker) -> dict[str, bytes]:
    """The headers of the first record in the DLQ."""
    bootstrap, prefix = kafka
    topic = f"{prefix}{MESSAGE_EVENTS}.dlq"
    async with (
        AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer,
        asyncio.timeout(20),
    ):
        return dict((await consumer.getone()).headers)
