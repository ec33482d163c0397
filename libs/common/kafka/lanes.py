"""Consuming in lanes, one for each key: a slow one delays only itself; offsets follow the lowest that is not done."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from prometheus_client import Gauge

from libs.common.bus import Record
from libs.common.errors import Retry
from libs.common.kafka.consumer import IDLE_POLL_MS, RECORDS, REVOKE_S, SESSION_MS, new_member, read_anew, record_of
from libs.common.kafka.offsets import Offsets
from libs.common.kafka.rest import Rest
from libs.common.lanes import Lanes, Worker

MOST_HELD = 5_000  # records of all lanes; of one at most `lanes.LONGEST` wait
AT_ONCE = 500
COMMIT_S = 1.0
COMMIT_WITHIN_S = 5.0
DRAIN_S = 8.0

HELD = Gauge("parley_lanes_held_records", "Records that wait in lanes, or are at work.", ["group"])
LANES = Gauge("parley_lanes", "Lanes that hold a record.", ["group"])

log = logging.getLogger(__name__)


class LaneConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """One member of a group over several topics. At least once: after a crash records are handled again.

    `is_open` says of each topic whether its records are wanted now.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topics: Sequence[str],
        worker: Worker,
        *,
        topic_prefix: str = "",
        is_open: Callable[[str], bool] = lambda topic: True,
        session_ms: int = SESSION_MS,
    ) -> None:
        self._bootstrap = bootstrap
        self._session_ms = session_ms
        self._group = topic_prefix + group
        self._topics = [topic_prefix + topic for topic in topics]
        self._prefix = topic_prefix
        self._worker = worker
        self._is_open = is_open
        self._kafka: Any = None
        self._offsets: dict[TopicPartition, Offsets] = {}
        self._lanes = Lanes(worker, self._done)
        self._waits_for: str | None = "its first assignment"

    def lanes_of(self, topic: str) -> tuple[int, int]:
        """(lanes, the records in them) that are held now."""
        return self._lanes.of(topic)

    async def check(self) -> None:
        """For readiness: partitions are (or may be) served; else raises with what is waited for."""
        if self._waits_for is not None:
            raise Retry(f"{self._group} waits for {self._waits_for}")

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until told to stop; what is at work then has `DRAIN_S` to end."""
        while not stop.is_set():
            self._kafka = new_member(self._bootstrap, self._group, self._topics, self, self._session_ms)
            try:
                await self._kafka.start()
                await self._consume(stop)
            except KafkaError as error:
                self._waits_for = "Kafka"
                log.warning("%s waits for Kafka: %s", self._group, error)
                await asyncio.sleep(0.5)
            finally:
                await self._let_go(DRAIN_S)
                await self._kafka.stop()

    async def _consume(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        commit_at, rest = 0.0, Rest(self._kafka)
        while not stop.is_set():
            self._open_and_close()
            offsets = self._offsets
            polled = await self._kafka.getmany(timeout_ms=IDLE_POLL_MS, max_records=AT_ONCE)
            rest.polled(is_idle=not (polled or self._lanes.held or self._kafka.paused()))
            if offsets is not self._offsets:
                await read_anew(self._kafka, polled)
                continue
            for tp, records in polled.items():
                self._take(tp, records)
            HELD.labels(self._group).set(self._lanes.held)
            LANES.labels(self._group).set(self._lanes.count)
            if loop.time() >= commit_at:
                await self._commit()
                commit_at = loop.time() + COMMIT_S

    def _open_and_close(self) -> None:
        wanted = {topic for topic in self._topics if self._is_wanted(topic)}
        if len(wanted) < len(self._topics) or self._kafka.paused():
            for tp in self._kafka.assignment():
                (self._kafka.resume if tp.topic in wanted else self._kafka.pause)(tp)

    def _is_wanted(self, topic: str) -> bool:
        return self._lanes.held < MOST_HELD and self._is_open(topic.removeprefix(self._prefix))

    def _take(self, tp: TopicPartition, records: Sequence[Any]) -> None:
        for raw in records:
            self._offsets[tp].begin(raw.offset)
            self._lanes.put(record_of(raw, self._prefix))

    def _done(self, record: Record) -> None:
        offsets = self._offsets.get(TopicPartition(self._prefix + record.topic, record.partition))
        if offsets is not None:
            offsets.done(record.offset)
        RECORDS.labels(self._group).inc()

    async def _commit(self) -> None:
        due = {tp: safe for tp, o in self._offsets.items() if (safe := o.to_commit()) is not None}
        if not due:
            return
        try:
            async with asyncio.timeout(COMMIT_WITHIN_S):
                await self._kafka.commit(due)
        except (CommitFailedError, IllegalStateError):
            log.warning("%s has lost partitions: what they hold is read by their new owner", self._group)
            return
        except TimeoutError:
            log.warning("%s commits later: no answer", self._group)
            return
        for tp, safe in due.items():
            if tp in self._offsets:
                self._offsets[tp].committed(safe)

    async def _let_go(self, within_s: float) -> None:
        """What is done is committed, and what is not is forgotten: whoever reads it anew finds how far it came."""
        lanes, self._lanes = self._lanes, Lanes(self._worker, self._done)
        await lanes.close(within_s)
        try:
            async with asyncio.timeout(REVOKE_S):
                await self._commit()
        except (KafkaError, TimeoutError) as error:
            log.warning("%s could not commit: %s", self._group, error or "no answer")
        self._offsets = {}

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        await self._let_go(REVOKE_S)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        self._offsets = {tp: Offsets() for tp in assigned}
        self._waits_for = None
        log.info("%s serves %d partitions", self._group, len(assigned))
