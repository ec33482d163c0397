"""Consuming: what one poll brings is one batch; offsets are committed when every effect of it is durable."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from prometheus_client import Counter, Histogram

from libs.common import tracing
from libs.common.bus import Handler, Outgoing, Record, Rejected, settle
from libs.common.clock import now, rfc3339
from libs.common.errors import Retry
from libs.common.events import dead_letters_of
from libs.common.kafka.lag import Lag
from libs.common.kafka.producer import Producer
from libs.common.kafka.rest import Rest

CHECKPOINT_S = 1.0
SESSION_MS = 6000  # the least that brokers allow: a killed worker's partitions are served again after it
REVOKE_S = 3.0
IDLE_POLL_MS = 500
CEILING_WINDOW = 100
CEILING = 50  # of the last CEILING_WINDOW records, or half of a larger batch: beyond it the topic is not emptied

RECORDS = Counter("parley_consumed_records", "Records handled.", ["group"])
BATCHES = Histogram("parley_consumed_batch_records", "Records per batch.", ["group"], buckets=(1, 3, 10, 30, 100, 300))
REJECTED = Counter("parley_dead_lettered_records", "Records dead-lettered.", ["group", "reason"])

log = logging.getLogger(__name__)


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """One member of a group. At least once: a handler sees every record, some of them again after a crash."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topic: str,
        handler: Handler,
        producer: Producer,
        *,
        topic_prefix: str = "",
        session_ms: int = SESSION_MS,
    ) -> None:
        self._bootstrap = bootstrap
        self._session_ms = session_ms
        self._group = topic_prefix + group
        self._topic = topic
        self._prefix = topic_prefix
        self._handler = handler
        self._producer = producer
        self._kafka: Any = None
        self._working = asyncio.Lock()
        self._generation = 0
        self._handled: dict[TopicPartition, int] = {}
        self._checkpoint_due = 0.0
        self._pace = Pace(time.monotonic())
        self._outcomes: deque[int] = deque(maxlen=CEILING_WINDOW)
        self._waits_for: str | None = "its first assignment"
        self._lag = Lag(self._group)

    async def check(self) -> None:
        """For readiness: partitions are (or may be) served; else raises with what is waited for."""
        if self._waits_for is not None:
            raise Retry(f"{self._group} waits for {self._waits_for}")

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until told to stop, then finishes the batch in hand and commits."""
        while not stop.is_set():
            self._kafka = new_member(self._bootstrap, self._group, [self._prefix + self._topic], self, self._session_ms)
            try:
                await self._kafka.start()
                await self._consume(stop)
            except KafkaError as error:
                self._waits_for = "Kafka"
                log.warning("%s waits for Kafka: %s", self._group, error)
                await asyncio.sleep(0.5)
            finally:
                await self._kafka.stop()
                self._generation += 1
                self._drop()

    async def _consume(self, stop: asyncio.Event) -> None:
        rest = Rest(self._kafka)
        while not stop.is_set():
            generation = self._generation
            polled = await self._kafka.getmany(timeout_ms=self._poll_ms(), max_records=self._pace.max_records)
            rest.polled(is_idle=not polled and not self._handled)
            async with self._paced(sum(map(len, polled.values()))), self._working:
                if generation != self._generation:
                    await read_anew(self._kafka, polled)
                    continue
                if polled:
                    await self._work(polled, generation, stop)
                if time.monotonic() >= self._checkpoint_due:
                    await self._commit()
        async with self._working:
            await self._commit()

    @asynccontextmanager
    async def _paced(self, records: int) -> AsyncIterator[None]:
        """The next fetch comes after the window: one that went out before would be answered with its first record."""
        fetched_at = time.monotonic()
        window_s = self._pace.window_s(records, fetched_at)
        if not window_s:
            yield
            return
        end = fetched_at + window_s
        self._kafka.pause(*self._kafka.assignment())
        yield
        await asyncio.sleep(end - time.monotonic())
        self._kafka.resume(*self._kafka.assignment())

    def _poll_ms(self) -> int:
        if not self._handled:
            return IDLE_POLL_MS
        return max(1, min(IDLE_POLL_MS, int((self._checkpoint_due - time.monotonic()) * 1000)))

    async def _work(self, polled: dict[TopicPartition, list[Any]], generation: int, stop: asyncio.Event) -> None:
        """Every effect of the batch, however long a dependency is away; gives up only when the partitions have gone."""
        batch = [record_of(raw, self._prefix) for records in polled.values() for raw in records]
        self._lag.begin(polled, self._end)
        while True:
            try:
                with tracing.processing(self._topic, self._group, batch):
                    rejected = await settle(self._handler, batch)
                await self._dead_letter(rejected, len(batch))
                break
            except Retry as reason:
                await self._wait(reason, stop)
            if generation != self._generation or stop.is_set():
                self._handler.forget()
                await read_anew(self._kafka, polled)
                return
        self._waits_for = None
        self._lag.done(polled, self._end)
        RECORDS.labels(self._group).inc(len(batch))
        BATCHES.labels(self._group).observe(len(batch))
        if generation == self._generation:
            self._handled.update({tp: records[-1].offset + 1 for tp, records in polled.items()})

    def _end(self, tp: TopicPartition) -> int | None:
        return self._kafka.highwater(tp) if tp in self._kafka.assignment() else None

    async def _wait(self, reason: Retry, stop: asyncio.Event) -> None:
        """Lets time pass with all partitions paused, polling on, so that the group still counts us in."""
        if self._waits_for is None:
            log.warning("%s waits: %s", self._group, reason)
        self._waits_for = str(reason)
        until = time.monotonic() + reason.after_s
        while (left_s := until - time.monotonic()) > 0 and not stop.is_set():
            self._kafka.pause(*self._kafka.assignment())
            pause_ms = min(IDLE_POLL_MS, int(left_s * 1000) + 1)
            await read_anew(self._kafka, await self._kafka.getmany(timeout_ms=pause_ms))
        self._kafka.resume(*self._kafka.assignment())

    async def _dead_letter(self, rejected: Sequence[Rejected], handled: int) -> None:
        """Raises `Retry` where most records fail: then the fault is ours, and an operator has to look."""
        faults = [r.reason for r in rejected if not r.is_clients_doing]
        if faults and sum(self._outcomes) + len(faults) > max(CEILING, handled // 2):
            raise Retry(f"an operator: most records of {self._topic} fail ({faults[0]})", after_s=10.0)
        at = rfc3339(now()).encode()
        await self._producer.publish_all([letter_of(r, at) for r in rejected])
        for r in rejected:
            REJECTED.labels(self._group, r.reason).inc()
            log.error("dead-lettered %s: %s", r.record.source, r.reason)
        self._outcomes.extend([1] * len(faults) + [0] * (handled - len(faults)))

    async def _commit(self) -> None:
        """The checkpoint, then the offsets; when the partitions may have gone, what is held is dropped."""
        if not self._handled:
            return
        generation, offsets = self._generation, dict(self._handled)
        try:
            await self._handler.checkpoint()
            async with asyncio.timeout(5):
                await self._kafka.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            log.warning("%s lost its partitions before a commit: %s", self._group, error)
            self._drop()
        except (KafkaError, Retry, TimeoutError) as error:
            log.warning("%s commits later: %s", self._group, str(error) or type(error).__name__)
        else:
            if generation == self._generation:
                self._handled = {tp: o for tp, o in self._handled.items() if offsets.get(tp) != o}
        self._checkpoint_due = time.monotonic() + CHECKPOINT_S

    def _drop(self) -> None:
        self._handled.clear()
        self._lag.forget()
        self._handler.forget()

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Finishes the batch in hand if it takes less than REVOKE_S, commits, and lets go."""
        try:
            async with asyncio.timeout(REVOKE_S):
                if self._waits_for is None:
                    async with self._working:
                        await self._commit()
        except TimeoutError:
            log.warning("%s abandons a batch: its partitions go", self._group)
        self._generation += 1
        self._drop()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        self._waits_for = None
        log.info("%s serves %d partitions", self._group, len(assigned))


def new_member(
    bootstrap: str, group: str, topics: Sequence[str], listener: ConsumerRebalanceListener, session_ms: int
) -> Any:
    """A client that is not started yet, and commits only what it is told to."""
    client = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=2000,
        rebalance_timeout_ms=10_000,
        request_timeout_ms=10_000,
        fetch_max_wait_ms=500,
        max_partition_fetch_bytes=1024 * 1024,
    )
    client.subscribe(topics, listener=listener)
    return client


def record_of(raw: Any, topic_prefix: str) -> Record:
    topic = raw.topic.removeprefix(topic_prefix)
    return Record(topic, raw.partition, raw.offset, raw.key, raw.value or b"", dict(raw.headers), raw.timestamp)


async def read_anew(client: Any, polled: Iterable[TopicPartition]) -> None:
    """Nothing of this was handled: go back to what is committed."""
    ours = [tp for tp in polled if tp in client.assignment()]
    if ours:
        committed = await client.seek_to_committed(*ours)
        if never := [tp for tp, offset in committed.items() if not offset]:
            await client.seek_to_beginning(*never)


class Pace:
    """How far apart two fetches are at least: not at all when idle or behind, `WINDOW_S` when busy."""

    WINDOW_S = 0.040
    BUSY_PER_S = 300.0
    max_records = 500

    def __init__(self, now_s: float) -> None:
        self._last_s = now_s
        self._rate = 0.0

    def window_s(self, records: int, now_s: float) -> float:
        """From a fetch of so many records, `now_s` by any steady clock, to the next."""
        elapsed_s = max(now_s - self._last_s, 1e-4)
        self._last_s = now_s
        weight = min(1.0, elapsed_s / 0.25)
        self._rate += weight * (records / elapsed_s - self._rate)
        return self.WINDOW_S if self._rate > self.BUSY_PER_S and records < self.max_records // 2 else 0.0


def letter_of(rejected: Rejected, at: bytes) -> Outgoing:
    """The record as it came; headers tell why, where it stood, and when it was first and last tried."""
    record = rejected.record
    headers = {
        **record.headers,
        "dlq_reason": rejected.reason.encode(),
        "dlq_attempts": str(_attempts(record) + 1).encode(),
        "dlq_origin": record.source.encode(),
        "dlq_first_at": record.headers.get("dlq_first_at") or at,
        "dlq_last_at": at,
    }
    key = (record.key or b"").decode("utf-8", "replace")
    return Outgoing(dead_letters_of(record.topic), key, record.value, list(headers.items()))


def _attempts(record: Record) -> int:
    """So far; headers may come from anywhere, and none of them stops a consumer."""
    said = record.headers.get("dlq_attempts") or b""
    return int(said) if said.isdigit() and len(said) < 10 else 0
