"""The heartbeat: what no announcement told is noticed, and feeds of connected users live on."""

import asyncio

from libs.common.feed import LIFETIME_S, epoch_key, feed_key
from services.presence.tests.scene import Scene, Screen

EVERY_S = 0.05


async def caught_up(scene: Scene) -> Screen:
    """A device on a node whose heart beats fast."""
    scene.tasks.append(asyncio.create_task(scene.node.keep_feeds(EVERY_S)))
    screen = scene.connect()
    await screen.caught_up()
    return screen


async def test_an_entry_that_was_never_announced_is_noticed(scene: Scene) -> None:
    screen = await caught_up(scene)
    unheard = await scene.store()
    await scene.cache.xadd(feed_key(scene.bo), {"f": unheard.frame}, id="0-*")
    await screen.has(1)
    assert [f["type"] for f in screen.frames] == ["ready", "caught_up", "message"]


async def test_a_feed_that_was_lost_is_noticed_and_filled_from_mongodb(scene: Scene) -> None:
    screen = await caught_up(scene)
    await scene.store()
    await scene.lose_feed()
    await screen.caught_up(2)
    await scene.send()
    await screen.has(2)
    assert [f["type"] for f in screen.frames] == ["ready", "caught_up", "message", "caught_up", "message"]
    assert [f["offset"] for f in screen.of("message")] == [None, 1]
    assert len({f["epoch"] for f in screen.of("caught_up")}) == 2


async def test_a_feed_of_another_run_of_redis_is_noticed(scene: Scene) -> None:
    screen = await caught_up(scene)
    await scene.send()
    await screen.has(1)
    await scene.cache.set(epoch_key(scene.bo), f"{'0' * 40}-restored")
    await screen.caught_up(2)
    await scene.send()
    await screen.has(2)
    assert screen.numbers == [1, 2]


async def test_a_feed_lives_on_while_its_user_is_connected(scene: Scene) -> None:
    await caught_up(scene)
    for key in (feed_key(scene.bo), epoch_key(scene.bo)):
        await scene.cache.expire(key, 60)
    async with asyncio.timeout(60):
        while await scene.cache.ttl(feed_key(scene.bo)) <= 60 or await scene.cache.ttl(epoch_key(scene.bo)) <= 60:
            await asyncio.sleep(0.01)
    assert await scene.cache.ttl(feed_key(scene.bo)) <= LIFETIME_S
