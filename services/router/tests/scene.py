"""What the tests of the router build from: conversations, events as records, and a router on the real servers."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis

from libs.common import kafka, mongo
from libs.common.bus import Record
from libs.common.clock import new_id, now, rfc3339
from libs.common.conversations import Members
from libs.common.errors import Unavailable
from libs.common.events import (
    MESSAGE_EVENTS,
    RECEIPT_EVENTS,
    STATUS_EVENTS,
    MessageEvent,
    ReceiptEvent,
    ReceiptStatus,
    StatusEvent,
    Text,
    channel_topic,
    decode,
    encode,
)
from libs.common.feed import FeedWriter, Packed, feed_key, unpack
from libs.common.routing import Addresses
from libs.common.scheduler import Scheduler
from services.router.contacts import Contacts
from services.router.handlers import Deliveries, Heights, Messages, Receipts, Reporting, Teller
from services.router.reports import Reports
from services.router.store import Store

_offsets = count()


def record(value: bytes, topic: str = MESSAGE_EVENTS) -> Record:
    """At a place of its own in Kafka."""
    return Record(topic, 0, next(_offsets), b"key", value)


def message(
    conversation_id: str, sender: str, text: str = "hi", message_id: str | None = None, *channels: str
) -> MessageEvent:
    return MessageEvent(
        message_id=message_id or new_id(),
        conversation_id=conversation_id,
        sender=sender,
        channels=list(channels) or ["internal"],
        payload=Text(text=text),
        fingerprint=f"{sender} {text}",
        accepted_at=rfc3339(now()),
    )


def receipt(conversation_id: str, username: str, status: ReceiptStatus, number: int) -> Record:
    event = ReceiptEvent(
        conversation_id=conversation_id, username=username, status=status, sequence_number=number, at=rfc3339(now())
    )
    return record(encode(event), RECEIPT_EVENTS)


PATIENCE_S = 60.0
AT_ONCE = timedelta(minutes=-1)
"""The age of what was left over that a sweep takes: whatever is stored by now, in this millisecond too."""


@dataclass
class Scene:
    database: mongo.Database
    cache: Redis
    producer: kafka.Producer
    broker: tuple[str, str]
    ana: str
    bo: str
    conversation: str
    addresses: Addresses | None = field(default_factory=dict)
    accounts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def messages(self, heights: Heights | None = None) -> Messages:
        """A router that has just started."""
        return Messages(*self._parts(heights), self.deliveries())

    def deliveries(self) -> Deliveries:
        """Of a router that knows the addresses of this scene; None: it has not heard of any yet."""
        routes, contacts, store = Scheduler(self.database, "routes"), Contacts(self.database), Store(self.database)
        accounts = self.accounts
        return Deliveries(store, lambda: self.addresses, self.teller(), self.producer, routes, contacts, accounts)

    def teller(self) -> Teller:
        return Teller(self.database, FeedWriter(self.cache), self.producer, Scheduler(self.database, "routes"))

    def reporting(self) -> Reporting:
        return Reporting(Reports(self.database), self.teller(), Contacts(self.database))

    def receipts(self, heights: Heights | None = None) -> Receipts:
        return Receipts(*self._parts(heights))

    def _parts(self, heights: Heights | None) -> tuple[Store, Members, FeedWriter, kafka.Producer, Heights]:
        feed = FeedWriter(self.cache)
        return (
            Store(self.database),
            Members(self.database),
            feed,
            self.producer,
            Heights() if heights is None else heights,
        )

    def texts(self, *texts: str) -> list[Record]:
        return [record(encode(message(self.conversation, self.ana, text))) for text in texts]

    async def stored(self) -> list[tuple[int, str]]:
        """(number, text), in the order of the numbers."""
        found = self.database["messages"].find({"conversation_id": self.conversation}).sort("sequence_number", 1)
        return [(d["sequence_number"], d["payload"]["text"]) async for d in found]

    async def steps(self) -> list[tuple[str, int, int]]:
        """The log of receipts: (status, from, to), in the order of the numbers."""
        found = self.database["receipts"].find({"conversation_id": self.conversation}).sort("to_number", 1)
        return [(d["status"], d["from_number"], d["to_number"]) async for d in found]

    async def watermark(self) -> tuple[int, int] | None:
        """Of bo's, as it is summed up: (delivered, read)."""
        found = await self.database["watermarks"].find_one({"_id": f"{self.conversation}:{self.bo}"})
        return None if found is None else (found["delivered"], found["read"])

    async def connect(self, *usernames: str) -> None:
        """A feed is there as soon as somebody is."""
        for username in usernames:
            await self.cache.xgroup_create(feed_key(username), "x", mkstream=True)

    async def feed(self, username: str) -> list[Packed]:
        entries: Any = await self.cache.xrange(feed_key(username))
        return [unpack(fields[b"f"]) for _, fields in entries]

    async def takes_requests_for(self, channel: str, account: str) -> None:
        """Waits until Kafka does: a topic that was just made is not there at once."""
        async with asyncio.timeout(60):
            while True:
                with suppress(Unavailable):
                    return await self.producer.publish(channel_topic(channel, account), "nobody", b"{}", [])

    async def facts(self, count: int) -> list[tuple[str, StatusEvent]]:
        """The first of `status.events`: (the id of the event, what it says)."""
        return [(dict(r.headers)["ce_id"].decode(), decode(StatusEvent, r.value)) for r in await self._told(count)]

    async def fact_headers(self) -> dict[str, bytes]:
        """Of the first."""
        return dict((await self._told(1))[0].headers)

    async def _told(self, count: int) -> list[Any]:
        bootstrap, prefix = self.broker
        topic = prefix + STATUS_EVENTS
        async with (
            AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer,
            asyncio.timeout(PATIENCE_S),
        ):
            return [await consumer.getone() for _ in range(count)]


@asynccontextmanager
async def scene(database: mongo.Database, cache: Redis, broker: tuple[str, str]) -> AsyncIterator[Scene]:
    """Ana and bo, and their conversation."""
    mark = secrets.token_hex(4)
    ana, bo, conversation = f"ana-{mark}", f"bo-{mark}", str(uuid4())
    await database["conversations"].insert_one({"_id": conversation, "members": [ana, bo], "last_sequence": 0})
    async with kafka.connect(*broker, deadline_s=PATIENCE_S) as producer:
        async with asyncio.timeout(PATIENCE_S):
            while not await _answers(producer):
                await asyncio.sleep(0.02)
        yield Scene(database, cache, producer, broker, ana, bo, conversation)
    await cache.delete(feed_key(ana), feed_key(bo))


async def _answers(producer: kafka.Producer) -> bool:
    try:
        await producer.check()
    except Unavailable:
        return False
    return True
