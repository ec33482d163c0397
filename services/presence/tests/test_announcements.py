"""Announcements as a node hears them: all of a channel it subscribed to, none of others, and again after a cut."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from conftest import Stack
from services.presence.announcements import Announcements


@dataclass
class Ear:
    announcements: Announcements
    heard: list[tuple[str, str]] = field(default_factory=list)
    reconnections: int = 0

    def hear(self, channel: bytes, payload: bytes) -> None:
        self.heard.append((channel.decode(), payload.decode()))

    def count(self) -> None:
        self.reconnections += 1

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Ear]:
    ear = Ear(Announcements(url))
    running = asyncio.create_task(ear.announcements.run(ear.hear, ear.count))
    try:
        async with asyncio.timeout(60):
            yield ear
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def ear(stack: Stack) -> AsyncIterator[Ear]:
    async with listening(stack.redis) as built:
        yield built


def channel() -> str:
    return f"test-{secrets.token_hex(6)}"


async def test_from_the_confirmation_on_nothing_is_missed(ear: Ear, cache: Redis) -> None:
    name = channel()
    await ear.announcements.subscribe(name)
    assert await cache.publish(name, "0") == 1
    for number in range(1, 1000):
        await cache.publish(name, str(number))
    await ear.until(lambda: len(ear.heard) == 1000)
    assert ear.heard == [(name, str(number)) for number in range(1000)]


async def test_large_and_binary_payloads_arrive_whole(ear: Ear, cache: Redis) -> None:
    name, payload = channel(), "ä\r\n$5\r\n*1\r\n" * 40_000
    await ear.announcements.subscribe(name)
    await cache.publish(name, payload)
    await ear.until(lambda: len(ear.heard) == 1)
    assert ear.heard == [(name, payload)]


async def test_many_may_wait_for_the_same_channel(ear: Ear, cache: Redis) -> None:
    name = channel()
    await asyncio.gather(*(ear.announcements.subscribe(name) for _ in range(20)))
    await cache.publish(name, "once")
    await ear.until(lambda: bool(ear.heard))
    assert ear.heard == [(name, "once")]


async def test_who_stops_waiting_takes_the_subscription_from_nobody(ear: Ear, cache: Redis) -> None:
    name = channel()
    hasty = asyncio.create_task(ear.announcements.subscribe(name))
    patient = asyncio.create_task(ear.announcements.subscribe(name))
    await asyncio.sleep(0)
    hasty.cancel()
    await patient
    assert await cache.publish(name, "x") == 1


async def test_an_unsubscribed_channel_is_silent_until_it_is_wanted_again(ear: Ear, cache: Redis) -> None:
    name, other = channel(), channel()
    await ear.announcements.subscribe(name)
    ear.announcements.unsubscribe(name)
    await ear.announcements.subscribe(other)
    assert await cache.publish(name, "unheard") == 0
    await ear.announcements.subscribe(name)
    await cache.publish(name, "heard")
    await ear.until(lambda: bool(ear.heard))
    assert ear.heard == [(name, "heard")]


async def test_after_a_cut_every_wanted_channel_is_heard_again_and_its_owner_is_told(ear: Ear, cache: Redis) -> None:
    names, unwanted = [channel() for _ in range(50)], channel()
    for name in [*names, unwanted]:
        await ear.announcements.subscribe(name)
    ear.announcements.unsubscribe(unwanted)
    await cut(cache)
    await ear.until(lambda: ear.reconnections == 1)
    for name in names:
        await ear.announcements.subscribe(name)
        await cache.publish(name, "again")
    await ear.until(lambda: len(ear.heard) == len(names))
    assert ear.heard == [(name, "again") for name in names]
    assert await cache.publish(unwanted, "x") == 0


async def test_a_first_connection_is_no_reconnection(ear: Ear) -> None:
    await ear.announcements.subscribe(channel())
    assert ear.reconnections == 0


async def test_a_subscription_asked_for_during_a_cut_is_confirmed_after_it(ear: Ear, cache: Redis) -> None:
    await ear.announcements.subscribe(channel())
    name = channel()
    await cut(cache)
    await ear.announcements.subscribe(name)
    await cache.publish(name, "heard")
    await ear.until(lambda: bool(ear.heard))
    assert ear.heard == [(name, "heard")]


async def cut(cache: Redis) -> None:
    await cache.client_kill_filter(_type="pubsub")
