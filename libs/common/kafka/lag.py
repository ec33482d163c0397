"""How far behind a consumer is, as people who operate want to know it: in records, and in seconds."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from prometheus_client import Gauge, Histogram

LAG = Gauge("parley_consumer_lag_records", "Records published and not handled, as of the last batch.", ["group"])
AGE = Histogram(
    "parley_consumed_age_seconds",
    "How long the oldest record of a batch had waited when the batch was done.",
    ["group"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)

Polled = Mapping[TopicPartition, Sequence[Any]]
End = Callable[[TopicPartition], int | None]
"""The offset after the last one published, as far as the client has heard."""


class Lag:
    def __init__(self, group: str) -> None:
        self._behind: dict[TopicPartition, int] = {}
        self._lag = LAG.labels(group)
        self._age = AGE.labels(group)

    def begin(self, polled: Polled, end: End) -> None:
        """What is in hand waits too, however long a dependency is away."""
        self._note({tp: (end(tp) or 0) - records[0].offset for tp, records in polled.items()})

    def done(self, polled: Polled, end: End) -> None:
        self._note({tp: (end(tp) or 0) - records[-1].offset - 1 for tp, records in polled.items()})
        self._age.observe(max(0.0, time.time() - min(r[0].timestamp for r in polled.values()) / 1000))

    def forget(self) -> None:
        """Partitions may have gone: others count them."""
        self._behind.clear()
        self._lag.set(0)

    def _note(self, behind: Mapping[TopicPartition, int]) -> None:
        self._behind.update(behind)
        self._lag.set(sum(max(0, waiting) for waiting in self._behind.values()))
