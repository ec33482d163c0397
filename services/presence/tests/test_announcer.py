"""Changes of presence reach Kafka whatever happens to it, and people when it costs little."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from redis.asyncio import Redis

from libs.common.bus import Outgoing
from libs.common.errors import Unavailable
from libs.common.events import PRESENCE_EVENTS, PresenceEvent, decode
from libs.common.feed import feed_key
from services.presence.domain.presence import Changes, Presence, Status
from services.presence.handlers.announcer import HINTS, Announcer
from services.presence.store.hints import BATCH, Hints
from services.presence.tests.scene import Scene

AT = datetime(2026, 11, 21, 10, 15, 30, 123_000, UTC)


def change(status: Status, *usernames: str) -> Changes:
    return Changes(AT, [Presence(name, status, AT) for name in usernames])


@dataclass
class Square:
    """Where it is told. `near` is everybody's people."""

    cache: Redis
    kafka_answers: bool = True
    mongodb_answers: bool = True
    near: list[str] = field(default_factory=list)
    told: list[Outgoing] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def publish_each(self, records: Sequence[Outgoing]) -> Sequence[Unavailable | None]:
        await asyncio.sleep(0)
        if not self.kafka_answers:
            return [Unavailable("Kafka", "away")] * len(records)
        self.told += records
        return [None] * len(records)

    async def near_to(self, username: str) -> list[str]:
        self.asked.append(username)
        if not self.mongodb_answers:
            raise Unavailable("MongoDB", "away")
        return self.near

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(e.username, e.status) for e in (decode(PresenceEvent, r.value) for r in self.told)]

    @asynccontextmanager
    async def announcing(self, *changes: Changes) -> AsyncIterator[None]:
        announcer = Announcer(self.publish_each, self.near_to, Hints(self.cache))
        for one in changes:
            announcer.on_changes(one)
        running = asyncio.create_task(announcer.run())
        try:
            async with asyncio.timeout(60):
                yield
        finally:
            running.cancel()
            await asyncio.wait([running])


async def until_told(square: Square, count: int) -> None:
    while len(square.told) < count:
        await asyncio.sleep(0.01)


async def test_a_change_is_an_event_of_the_user(cache: Redis) -> None:
    square = Square(cache)
    async with square.announcing(change("offline", "ana")):
        await until_told(square, 1)
    record = square.told[0]
    assert (record.topic, record.key) == (PRESENCE_EVENTS, "ana")
    assert msgspec.json.decode(record.value) == {
        "version": 1,
        "username": "ana",
        "status": "offline",
        "at": "2026-11-21T10:15:30.123Z",
        "last_seen": "2026-11-21T10:15:30.123Z",
    }
    assert dict(record.headers)["ce_type"] == b"parley.presence.changed.v1"


async def test_the_newest_change_is_told_when_kafka_is_back(cache: Redis) -> None:
    square = Square(cache, kafka_answers=False)
    async with square.announcing(change("online", "ana", "bo"), change("offline", "ana")):
        while len(square.asked) < 2:
            await asyncio.sleep(0.01)
        square.kafka_answers = True
        await until_told(square, 2)
    assert sorted(square.events) == [("ana", "offline"), ("bo", "online")]


async def test_without_mongodb_hints_are_dropped_and_events_are_told(cache: Redis) -> None:
    square = Square(cache, mongodb_answers=False)
    async with square.announcing(change("online", *(f"u{n}" for n in range(HINTS + 50)))):
        await until_told(square, HINTS + 50)
        while len(square.asked) < HINTS:
            await asyncio.sleep(0.01)
    assert len(square.asked) == HINTS


async def test_those_near_see_it_however_many_they_are(scene: Scene) -> None:
    screen = scene.connect()
    await screen.caught_up()
    square = Square(scene.cache, near=[*(f"u{n}" for n in range(BATCH)), scene.bo])
    async with square.announcing(change("online", "ana")):
        await screen.until(lambda: bool(screen.of("presence")))
    seen = {"username": "ana", "status": "online", "last_seen": "2026-11-21T10:15:30.123Z"}
    assert screen.of("presence") == [{"type": "presence", **seen}]
    assert not await scene.cache.exists(feed_key("u1"))
