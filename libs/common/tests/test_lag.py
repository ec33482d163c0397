"""An operator sees how far a consumer is behind, also while it waits."""

import asyncio
from collections.abc import Callable, Sequence

from prometheus_client import REGISTRY

from libs.common.bus import Record
from libs.common.errors import Retry
from libs.common.kafka import Producer
from libs.common.tests.broker import Broker, Collector, consuming, numbered, publish, until


async def test_the_lag_counts_what_waits_and_goes_to_nothing(kafka: Broker, producer: Producer) -> None:
    may_work = asyncio.Event()

    def not_yet(_batch: Sequence[Record]) -> None:
        if not may_work.is_set():
            raise Retry("a dependency", after_s=0.1)

    lag = sample("parley_consumer_lag_records", kafka)
    ages = sample("parley_consumed_age_seconds_count", kafka)
    handler = Collector(not_yet)
    await publish(producer, *numbered(30))
    async with consuming(kafka, producer, handler):
        await until(lambda: lag() > 0)
        assert ages() == 0
        may_work.set()
        await handler.until(*numbered(30))
        await until(lambda: lag() == 0)
        assert ages() > 0


def sample(name: str, kafka: Broker) -> Callable[[], float]:
    return lambda: REGISTRY.get_sample_value(name, {"group": f"{kafka[1]}group"}) or 0.0
