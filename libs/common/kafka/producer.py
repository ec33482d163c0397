"""Publishing: idempotent, acknowledged by all in-sync replicas, within a deadline, through broker restarts."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from libs.common.bus import Outgoing
from libs.common.errors import Unavailable
from libs.common.events import DLQ_MAX_BYTES

DEADLINE_S = 5.0
RECONNECT_S = 0.5
WINDOW_S = 0.005  # for the edges, where each request publishes for itself

log = logging.getLogger(__name__)


@lru_cache(maxsize=100_000)
def _hash(key: bytes) -> int:
    """Kafka's own hash of a key, in pure Python here: about 8 µs for a UUID, so it is kept."""
    return int(murmur2(key)) & 0x7FFFFFFF


def partition_of(key: bytes, partitions: Sequence[int], _available: Sequence[int]) -> int:
    """Where Kafka's default puts a key."""
    return partitions[_hash(key) % len(partitions)]


class Producer:
    """One per process. Records of a key stay in the order in which publishing them began: they queue in that order,
    one request at a time is under way, and retries are idempotent.

    Batches make themselves: what is published while a request is under way goes with the next one.
    """

    def __init__(
        self, bootstrap: str, topic_prefix: str = "", window_s: float = 0.0, deadline_s: float = DEADLINE_S
    ) -> None:
        self._bootstrap = bootstrap
        self._prefix = topic_prefix
        self._window_s = window_s
        self._deadline_s = deadline_s
        self._producer: AIOKafkaProducer | None = None
        self._broken = asyncio.Event()
        self._queueing = asyncio.Lock()

    async def publish(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        """Returns when the record is durable. Raises `Unavailable`: it may or may not arrive later."""
        await self.publish_all([Outgoing(topic, key, value, headers)])

    async def publish_all(self, records: Sequence[Outgoing]) -> None:
        """The same for many at once, in the order given for each key."""
        for failure in await self.publish_each(records):
            if failure is not None:
                raise failure

    async def publish_each(self, records: Sequence[Outgoing]) -> list[Unavailable | None]:
        """The same, each with its own end: None where it is durable, else why nothing is promised."""
        producer = self._producer
        if producer is None:
            return [Unavailable("Kafka", "not connected")] * len(records)
        sent: list[asyncio.Future[Any]] = []
        reason = Unavailable("Kafka", f"no acknowledgement within {self._deadline_s:g} s")
        try:
            async with asyncio.timeout(self._deadline_s):
                async with self._queueing:
                    for r in records:
                        key = r.key.encode()
                        sent.append(await producer.send(self._prefix + r.topic, r.value, key, headers=r.headers))
                for future in sent:
                    with suppress(KafkaError):
                        await future
        except TimeoutError:
            pass
        except KafkaError as error:
            reason = self._give_up(error)
        unsent = [reason] * (len(records) - len(sent))
        return [self._end(future, reason) for future in sent] + unsent

    def _end(self, future: "asyncio.Future[Any]", reason: Unavailable) -> Unavailable | None:
        if not future.done():
            future.cancel()
        error = None if future.cancelled() else future.exception()
        if error is not None and not isinstance(error, KafkaError):
            raise error
        if error is not None:
            return self._give_up(error)
        return reason if future.cancelled() else None

    def _give_up(self, error: KafkaError) -> Unavailable:
        self._broken.set()
        return Unavailable("Kafka", type(error).__name__)

    async def check(self) -> None:
        """For readiness: the broker answers."""
        if self._producer is None:
            raise Unavailable("Kafka", f"not connected to {self._bootstrap}")
        await self._producer.client.fetch_all_metadata()

    async def keep_connected(self) -> None:
        """Runs for ever: connects, and starts anew when the producer has given up (its sequence was lost, say)."""
        while True:
            self._broken.clear()
            self._producer = await self._start()
            log.info("connected to Kafka at %s", self._bootstrap)
            await self._broken.wait()
            log.warning("the Kafka producer gave up; a new one takes its place")
            await self._close()

    async def _start(self) -> AIOKafkaProducer:
        while True:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                acks="all",
                enable_idempotence=True,
                partitioner=partition_of,
                max_batch_size=256 * 1024,
                max_request_size=DLQ_MAX_BYTES,
                request_timeout_ms=10_000,
                retry_backoff_ms=100,
            )
            if self._window_s:
                pace(producer, self._window_s)
            try:
                await producer.start()
            except KafkaError as error:
                log.warning("waiting for Kafka: %s", error)
                await producer.stop()
                await asyncio.sleep(RECONNECT_S)
            except BaseException:
                await producer.stop()
                raise
            else:
                return producer

    async def _close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(DEADLINE_S):
                    await producer.stop()


def pace(producer: AIOKafkaProducer, window_s: float) -> None:
    """Requests begin at least so far apart: the first goes at once, what comes meanwhile gathers for the next.

    The library's own linger makes the first wait too, and each partition for itself.
    """
    sender = producer._sender
    send = sender._send_produce_req

    async def paced(node_id: int, batches: Any) -> None:
        end = time.monotonic() + window_s
        await send(node_id, batches)
        sender._in_flight.add(node_id)
        await asyncio.sleep(end - time.monotonic())
        sender._in_flight.remove(node_id)

    sender._send_produce_req = paced


@asynccontextmanager
async def connect(
    bootstrap: str, topic_prefix: str = "", *, window_s: float = 0.0, deadline_s: float = DEADLINE_S
) -> AsyncIterator[Producer]:
    """Does not wait for the broker: until it is there, publishing raises `Unavailable`.

    `window_s` is for who publishes one record at a time: requests begin at least so far apart.
    `deadline_s`: after it, publishing raises `Unavailable`."""
    producer = Producer(bootstrap, topic_prefix, window_s, deadline_s)
    keeper: asyncio.Task[Any] = asyncio.create_task(producer.keep_connected())
    try:
        yield producer
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        await producer._close()
