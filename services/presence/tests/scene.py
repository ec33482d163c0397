"""A node on the real servers, devices that keep what they are sent, and a router's side of a conversation."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import msgspec
from redis.asyncio import Redis

from libs.common import messages, mongo
from libs.common.clock import new_id, now, rfc3339
from libs.common.events import MessageEvent, Text
from libs.common.feed import Entry, FeedWriter, epoch_key, feed_key, pack
from services.presence.announcements import Announcements
from services.presence.domain.frames import Resume
from services.presence.handlers.devices import Device, Unproven
from services.presence.handlers.node import Node
from services.presence.store.feeds import Entry as FeedEntry
from services.presence.store.feeds import Feeds
from services.presence.store.inbox import Inbox


class Screen:
    """An outlet that keeps every frame, and never is slow; `is_unproven` when it has to come again."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.is_unproven = False

    def send(self, frame: bytes) -> None:
        self.frames.append(msgspec.json.decode(frame))

    def hint(self, frame: bytes) -> None:
        self.send(frame)

    async def drained(self) -> None:
        pass

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [f for f in self.frames if f["type"] == kind]

    @property
    def numbers(self) -> list[int]:
        return [f["sequence_number"] for f in self.of("message")]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)

    async def caught_up(self, times: int = 1) -> dict[str, Any]:
        await self.until(lambda: len(self.of("caught_up")) >= times)
        return self.of("caught_up")[-1]

    async def has(self, count: int) -> None:
        await self.until(lambda: len(self.numbers) >= count)


class FrailFeeds(Feeds):
    """`is_lost_next` loses the feed at the next reading of it, just before it."""

    def __init__(self, client: Redis) -> None:
        super().__init__(client)
        self.is_lost_next = False
        self._client = client

    async def read(self, username: str, after: int) -> tuple[str | None, list[FeedEntry]]:
        if self.is_lost_next:
            self.is_lost_next = False
            await self._client.delete(feed_key(username), epoch_key(username))
        return await super().read(username, after)


@dataclass
class Scene:
    database: mongo.Database
    cache: Redis
    node: Node
    feeds: FrailFeeds
    bo: str
    conversation: str
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    last: int = 0

    def connect(self, resume: Resume | None = None) -> Screen:
        screen = Screen()
        self.tasks.append(asyncio.create_task(self._serve(screen, resume)))
        return screen

    async def _serve(self, screen: Screen, resume: Resume | None) -> None:
        try:
            await self.node.serve(Device(self.bo, screen), resume)
        except Unproven:
            screen.is_unproven = True

    async def store(self) -> Entry:
        """What the router does first; the entry is for `append`."""
        self.last += 1
        event = MessageEvent(
            message_id=new_id(),
            conversation_id=self.conversation,
            sender="ana",
            channels=["internal"],
            payload=Text(text=f"text {self.last}"),
            fingerprint="",
            accepted_at=rfc3339(now()),
        )
        members = ["ana", self.bo]
        await self.database["messages"].insert_one(
            messages.to_document(event, self.last, members, now(), f"t/0/{self.last}")
        )
        body = messages.encode(messages.from_event(event, self.last, members))
        return Entry(self.bo, pack("message", body, self.conversation, self.last))

    async def append(self, *entries: Entry) -> None:
        await FeedWriter(self.cache).append(entries)

    async def send(self, count: int = 1) -> None:
        for _ in range(count):
            await self.append(await self.store())

    async def acknowledge(self, number: int) -> None:
        """What the router logs of a receipt."""
        receipt = {"conversation_id": self.conversation, "username": self.bo, "status": "DELIVERED"}
        step = receipt | {"from_number": number, "to_number": number}
        await self.database["receipts"].update_one(step, {"$set": {"at": now()}}, upsert=True)

    async def lose_feed(self) -> None:
        await self.cache.delete(feed_key(self.bo), epoch_key(self.bo))


@asynccontextmanager
async def scene(database: mongo.Database, cache: Redis, url: str) -> AsyncIterator[Scene]:
    bo, conversation = f"bo-{secrets.token_hex(4)}", str(uuid4())
    await database["conversations"].insert_one({"_id": conversation, "members": ["ana", bo], "last_sequence": 0})
    announcements, feeds = Announcements(url), FrailFeeds(cache)
    node = Node(feeds, Inbox(database), announcements)
    built = Scene(database, cache, node, feeds, bo, conversation)
    built.tasks.append(asyncio.create_task(announcements.run(node.on_announcement, node.on_reconnected)))
    try:
        yield built
    finally:
        for task in built.tasks:
            task.cancel()
        await asyncio.gather(*built.tasks, return_exceptions=True)
        await built.lose_feed()
