"""Lanes over a real broker: what was not done comes again, what was done does not, and a closed topic waits."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.common.bus import Record
from libs.common.events import MESSAGE_EVENTS, RECEIPT_EVENTS
from libs.common.kafka import LaneConsumer, Outgoing, Producer
from libs.common.tests.broker import SESSION_MS, Broker, until

BOTH = (MESSAGE_EVENTS, RECEIPT_EVENTS)


class Worker:
    """Handles at once, but for the keys that are held."""

    def __init__(self, *held: str) -> None:
        self.handled: dict[str, list[bytes]] = defaultdict(list)
        self.begun: list[str] = []
        self.held = set(held)
        self.go_on = asyncio.Event()

    async def handle(self, record: Record) -> None:
        key = (record.key or b"").decode()
        self.begun.append(key)
        if key in self.held:
            await self.go_on.wait()
        self.handled[key].append(record.value)

    async def set_aside(self, record: Record) -> None:
        raise AssertionError("no lane is too long here")

    give_up = set_aside


@asynccontextmanager
async def consuming(kafka: Broker, worker: Worker, closed: set[str]) -> AsyncIterator[LaneConsumer]:
    """Leaving the block is a SIGTERM."""
    consumer = LaneConsumer(
        *(kafka[0], "lanes", BOTH, worker),
        topic_prefix=kafka[1],
        is_open=lambda topic: topic not in closed,
        session_ms=SESSION_MS,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    try:
        yield consumer
    finally:
        stop.set()
        async with asyncio.timeout(60):
            await running


async def publish(producer: Producer, key: str, *values: bytes, topic: str = MESSAGE_EVENTS) -> None:
    await producer.publish_all([Outgoing(topic, key, value, []) for value in values])


async def test_a_key_that_hangs_delays_no_other_and_comes_again_with_what_was_behind_it(
    kafka: Broker, producer: Producer
) -> None:
    first, second = Worker("slow"), Worker()
    others = [f"key {n}" for n in range(40)]
    await publish(producer, "slow", b"1", b"2")
    for key in others:
        await publish(producer, key, b"1", b"2")
    async with consuming(kafka, first, set()):
        await until(lambda: all(first.handled[key] == [b"1", b"2"] for key in others))
        await until(lambda: "slow" in first.begun)
    assert first.handled["slow"] == []
    async with consuming(kafka, second, set()):
        await until(lambda: second.handled["slow"] == [b"1", b"2"])


async def test_what_is_done_is_not_handled_again(kafka: Broker, producer: Producer) -> None:
    first, second = Worker(), Worker()
    await publish(producer, "a", b"1", b"2")
    async with consuming(kafka, first, set()):
        await until(lambda: first.handled["a"] == [b"1", b"2"])
    await publish(producer, "a", b"3")
    async with consuming(kafka, second, set()):
        await until(lambda: bool(second.handled["a"]))
    assert second.handled["a"] == [b"3"]


async def test_a_closed_topic_waits_and_the_other_goes_on(kafka: Broker, producer: Producer) -> None:
    worker, closed = Worker(), {RECEIPT_EVENTS}
    await publish(producer, "closed", b"1", topic=RECEIPT_EVENTS)
    async with consuming(kafka, worker, closed):
        await publish(producer, "open", b"1")
        await until(lambda: worker.handled["open"] == [b"1"])
        assert "closed" not in worker.begun
        closed.clear()
        await until(lambda: worker.handled["closed"] == [b"1"])


async def test_who_comes_takes_over_what_is_not_done(kafka: Broker, producer: Producer) -> None:
    first, second = Worker("slow"), Worker()
    await publish(producer, "slow", b"1", b"2")
    async with consuming(kafka, first, set()):
        await until(lambda: "slow" in first.begun)
        async with consuming(kafka, second, set()):
            await until(lambda: "slow" in second.begun or first.begun.count("slow") > 1)
            first.go_on.set()
            await until(lambda: (first.handled["slow"] + second.handled["slow"])[-2:] == [b"1", b"2"])
