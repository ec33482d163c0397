"""What happens to a request for a delivery: sent in its lane, tried again, set aside, given up, and told."""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from prometheus_client import Counter

from libs.common.bus import Record
from libs.common.clock import now
from libs.common.events import DeliveryRequest, SentFile, channel_topic, decode
from libs.common.kafka import Producer
from libs.common.mongo import Document
from libs.common.scheduler import Scheduler
from libs.common.storage_reading import Stored
from services.router.handlers.attempting import INTERNAL_ERROR, Attempting
from services.router.handlers.beginning import Beginning
from services.router.handlers.ending import Ending
from services.router.handlers.lines import Line
from services.router.handlers.reporting import Reporting
from services.router.handlers.telling import Teller
from services.router.retrying import LIVES, Parked, Wait, without_account

if TYPE_CHECKING:
    from services.router.contacts import Contacts
    from services.router.outbox import Outbox
    from services.router.people import Everybody

GRACE_S = 7.0  # for a call that is under way when the process is told to stop
MOST_OF_ONE = 50  # parked lanes of one account at a time, so that those of others have a place, too
MAKES_ROOM_S = 2.0
SLICE = 20  # deliveries of a parked lane, before another lane has its turn

PARKED = Counter("parley_channel_parked", "Deliveries that left Kafka to wait.", ["channel", "account"])

T = TypeVar("T")


class Courier:
    """`lines` by (channel, account). What counts is the delivery's document: a request may come any number of times."""

    def __init__(
        self,
        lines: Mapping[tuple[str, str], Line],
        outbox: "Outbox",
        parked: Scheduler,
        teller: Teller,
        producer: Producer,
        storage: Stored,
        contacts: "Contacts",
        reporting: Reporting,
        everybody: "Everybody",
        lives: timedelta = LIVES,
    ) -> None:
        self._lines = lines
        self._outbox = outbox
        self._parked = parked
        self._lives = lives
        self._ending = Ending(outbox, teller, producer, reporting)
        self._attempting = Attempting(
            outbox, storage, contacts, everybody, Beginning(outbox, contacts, self._ending, lives), self._ending
        )

    def is_open(self, topic: str) -> bool:
        """Whether requests of this topic are wanted now."""
        return all(line.is_open for key, line in self._lines.items() if channel_topic(*key) == topic)

    async def handle(self, record: Record) -> None:
        if request := await self._opened(record):
            due_at = await self._carry(request, record)
            if due_at is not None:
                await self._park(record, request, due_at)

    async def set_aside(self, record: Record) -> None:
        if request := await self._opened(record):
            await self._park(record, request, now())

    async def give_up(self, record: Record) -> None:
        request = _read(record)
        await self._ending.bury(record, "handler_failed" if request else "malformed")
        if request:
            await self._outbox.end(request.delivery_id, "FAILED", INTERNAL_ERROR)
            await self._ending.tell(request)

    async def _opened(self, record: Record) -> DeliveryRequest | None:
        """None for what is none; a replayed one begins anew."""
        request = _read(record)
        if request is None:
            await self.give_up(record)
        elif "dlq_origin" in record.headers:
            await self._outbox.reopen(request.delivery_id)
        return request

    async def _carry(self, request: DeliveryRequest, record: Record) -> datetime | None:
        """None: nothing is left to do; else when to go on."""
        delivery = await self._outbox.find(request.delivery_id)
        if delivery is None:
            await self._ending.bury(record, "unknown_delivery")
            return None
        if delivery["status"] != "QUEUED":
            await self._ending.tell(request)
            return None
        if "parked" in delivery or await self._outbox.has_parked(lane_of(request)):
            return now()
        return await self._deliver(request, record)

    async def run_parked(self, lane: Document) -> datetime | None:
        """A lane that was set aside, in its order, until one has to wait again; safe to run after a crash.

        Where its platform is away, or many lanes of its account are at work, it makes room for those of others.
        """
        channel, account, _ = lane["_id"].split("/", 2)
        line = self._lines.get((channel, account))
        if line is None:
            return await self._run_parked(lane)
        if not line.is_open or line.tally.parked >= MOST_OF_ONE:
            return now() + timedelta(seconds=MAKES_ROOM_S)
        line.tally.parked += 1
        try:
            return await self._run_parked(lane)
        finally:
            line.tally.parked -= 1

    async def _run_parked(self, lane: Document) -> datetime | None:
        for _ in range(SLICE):
            delivery = await self._outbox.first_parked(lane["_id"])
            if delivery is None:
                return None
            record = _unparked(delivery)
            request = decode(DeliveryRequest, record.value)
            if delivery["status"] == "QUEUED":
                due_at = await self._deliver(request, record)
                if due_at is not None:
                    await self._outbox.postpone(request.delivery_id, due_at)
                    return due_at
            else:
                await self._ending.tell(request)
            await self._outbox.unpark(request.delivery_id)
        return now()

    async def _park(self, record: Record, request: DeliveryRequest, due_at: datetime) -> None:
        """The delivery first, then its lane: whoever ends a lane looks once more."""
        lane = lane_of(request)
        trace = record.headers.get("traceparent", b"").decode()
        await self._outbox.park(request.delivery_id, Parked(lane, record.offset, record.value, trace), due_at)
        await self._parked.schedule(lane, due_at)
        PARKED.labels(request.channel, request.account).inc()

    async def _deliver(self, request: DeliveryRequest, record: Record) -> datetime | None:
        """Returns when it has come to its end and that is told; else when to go on, where that is far away."""
        line = self._lines.get((request.channel, request.account))
        if line is None:
            return await self._wait_for_account(request, record)
        while True:
            permit = await line.admitted(request.address, "media" if isinstance(request.payload, SentFile) else "text")
            following = await _undisturbed(self._attempting.attempt(line, permit, request, record))
            if following is None:
                await self._ending.tell(request)
                return None
            if following.is_long:
                return now() + timedelta(seconds=following.seconds)
            await asyncio.sleep(following.seconds)

    async def _wait_for_account(self, request: DeliveryRequest, record: Record) -> datetime | None:
        delivery, at = await self._outbox.find(request.delivery_id), now()
        if delivery is not None and delivery["status"] == "QUEUED":
            following = without_account(delivery, at, self._lives)
            if isinstance(following, Wait):
                return at + timedelta(seconds=following.seconds)
            doubt = {"uncertain": True} if delivery.get("in_flight_until") else {}
            await self._ending.fail(request.delivery_id, following, record, **doubt)
        await self._ending.tell(request)
        return None


def lane_of(request: DeliveryRequest) -> str:
    return f"{request.channel}/{request.account}/{request.address}"


def _read(record: Record) -> DeliveryRequest | None:
    try:
        request = decode(DeliveryRequest, record.value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return request if request.version == 1 else None


def _unparked(delivery: Document) -> Record:
    parked = delivery["parked"]
    topic = channel_topic(delivery["channel"], delivery["account"])
    headers = {"traceparent": parked["trace"].encode()} if parked["trace"] else {}
    return Record(topic, 0, parked["place"], delivery["address"].encode(), parked["request"], headers)


async def _undisturbed(attempt: Coroutine[Any, Any, T]) -> T:
    """A call that is under way comes to its end, and is recorded, also when this task is told to stop."""
    task = asyncio.ensure_future(attempt)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,), timeout=GRACE_S)
        task.cancel()
        raise
