"""A feed's epoch lives as long as the feed in one run of Redis; announcements come back after a cut."""

import asyncio
import secrets
from contextlib import suppress

from conftest import Stack
from libs.common.feed import epoch_key
from services.presence.announcements import Announcements
from services.presence.tests.scene import Scene


async def test_an_epoch_stays_while_its_feed_lives(scene: Scene) -> None:
    first = await scene.feeds.open(scene.bo)
    await scene.send(2)
    second = await scene.feeds.open(scene.bo)
    assert (first.first, first.last) == (1, 0)
    assert (second.epoch, second.first, second.last) == (first.epoch, 1, 2)


async def test_a_feed_that_was_lost_has_a_new_epoch(scene: Scene) -> None:
    first = await scene.feeds.open(scene.bo)
    await scene.lose_feed()
    assert (await scene.feeds.open(scene.bo)).epoch != first.epoch


async def test_a_feed_of_another_run_of_redis_is_not_trusted(scene: Scene) -> None:
    await scene.feeds.open(scene.bo)
    await scene.send()
    await scene.cache.set(epoch_key(scene.bo), f"{'0' * 40}-{secrets.token_hex(8)}")
    feed = await scene.feeds.open(scene.bo)
    assert not feed.epoch.startswith("0" * 40)
    assert feed.last == 0


async def test_announcements_come_again_after_the_connection_was_cut(scene: Scene, stack: Stack) -> None:
    heard: list[tuple[bytes, bytes]] = []
    reconnected = asyncio.Event()
    channel = f"test-{secrets.token_hex(6)}"
    announcements = Announcements(stack.redis)
    running = asyncio.create_task(announcements.run(lambda c, p: heard.append((c, p)), reconnected.set))
    async with asyncio.timeout(60):
        await announcements.subscribe(channel)
        await scene.cache.client_kill_filter(_type="pubsub")
        await reconnected.wait()
        await announcements.subscribe(channel)
        await scene.cache.publish(channel, "again")
        while not heard:
            await asyncio.sleep(0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert heard == [(channel.encode(), b"again")]
