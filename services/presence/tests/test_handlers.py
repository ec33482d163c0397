"""What a device is sent: in order, without gap or repeat, whatever is lost on the way."""

from typing import Any

from libs.common.feed import feed_key
from services.presence.domain.frames import Resume
from services.presence.tests.scene import Scene


async def test_ready_comes_first_then_what_is_pending_then_caught_up_then_what_is_new(scene: Scene) -> None:
    await scene.send(3)
    screen = scene.connect()
    await screen.caught_up()
    await scene.send(2)
    await screen.has(5)
    assert [f["type"] for f in screen.frames] == ["ready", *["message"] * 3, "caught_up", *["message"] * 2]
    assert [f["offset"] for f in screen.of("message")] == [None, None, None, 1, 2]
    assert screen.numbers == [1, 2, 3, 4, 5]
    assert screen.of("ready")[0]["recovered"] is None


async def test_what_a_device_acknowledged_is_not_pending(scene: Scene) -> None:
    await scene.send(3)
    await scene.acknowledge(2)
    screen = scene.connect()
    await screen.caught_up()
    assert screen.numbers == [3]


async def test_what_was_stored_before_the_log_in_and_fed_after_it_is_seen_once(scene: Scene) -> None:
    entry = await scene.store()
    screen = scene.connect()
    await screen.caught_up()
    await scene.append(entry)
    await scene.send()
    await screen.has(2)
    assert screen.numbers == [1, 2]


async def test_what_the_router_feeds_twice_is_pushed_once(scene: Scene) -> None:
    screen = scene.connect()
    await screen.caught_up()
    first, second = await scene.store(), await scene.store()
    await scene.append(first, second, first, second)
    await scene.send()
    await screen.has(3)
    assert screen.numbers == [1, 2, 3]


async def test_a_lost_announcement_is_healed_from_the_feed_by_the_next(scene: Scene) -> None:
    screen = scene.connect()
    await screen.caught_up()
    unheard = await scene.store()
    await scene.cache.xadd(feed_key(scene.bo), {"f": unheard.frame}, id="0-*")
    await scene.send()
    await screen.has(2)
    assert screen.numbers == [1, 2]
    assert [f["offset"] for f in screen.of("message")] == [1, 2]


async def test_a_lost_feed_is_filled_from_mongodb_under_a_new_epoch(scene: Scene) -> None:
    screen = scene.connect()
    before = await screen.caught_up()
    await scene.send(2)
    await screen.has(2)
    await scene.lose_feed()
    await scene.send(2)
    scene.node.on_reconnected()
    after = await screen.caught_up(2)
    await scene.send()
    await screen.has(5)
    assert screen.numbers == [1, 2, 3, 4, 5]
    assert after["epoch"] != before["epoch"]
    assert len(screen.of("ready")) == 1


async def test_the_fill_brings_what_another_device_acknowledged_meanwhile(scene: Scene) -> None:
    screen = scene.connect()
    await screen.caught_up()
    await scene.lose_feed()
    await scene.send(2)
    await scene.acknowledge(2)
    scene.node.on_reconnected()
    await screen.caught_up(2)
    assert screen.numbers == [1, 2]


async def test_a_resume_brings_exactly_what_came_after_its_offset(scene: Scene) -> None:
    first = scene.connect()
    position = await first.caught_up()
    await scene.send(3)
    await first.has(3)
    second = scene.connect(Resume(position["epoch"], 1))
    await second.caught_up()
    assert second.numbers == [2, 3]
    assert second.of("ready")[0]["recovered"] is True


async def test_a_resume_that_is_lost_before_it_is_done_does_not_pass_for_one(scene: Scene) -> None:
    """What came after its offset was acknowledged by another device meanwhile, so no log-in would bring it."""
    await scene.send(3)
    end = await scene.connect().caught_up()
    await scene.send(2)
    await scene.acknowledge(5)
    scene.feeds.is_lost_next = True
    screen = scene.connect(Resume(end["epoch"], end["offset"]))
    await screen.until(lambda: screen.is_unproven)
    assert screen.of("ready")[0]["recovered"] is True
    assert not screen.of("caught_up")
    again = scene.connect(Resume(end["epoch"], end["offset"]))
    await again.caught_up()
    assert again.of("ready")[0]["recovered"] is False


async def test_a_resume_that_proves_nothing_says_so_and_brings_what_is_pending(scene: Scene) -> None:
    first = scene.connect()
    position = await first.caught_up()
    await scene.send(2)
    await first.has(2)
    unprovable: list[Any] = [Resume(position["epoch"], 9), Resume(position["epoch"], -1), Resume("another", 1)]
    for resume in unprovable:
        screen = scene.connect(resume)
        await screen.caught_up()
        assert screen.of("ready")[0]["recovered"] is False
        assert screen.numbers == [1, 2]


async def test_two_devices_of_a_user_get_everything_each(scene: Scene) -> None:
    first, second = scene.connect(), scene.connect()
    await first.caught_up()
    await second.caught_up()
    await scene.send(3)
    await first.has(3)
    await second.has(3)
    assert first.numbers == second.numbers == [1, 2, 3]


async def test_more_than_a_page_of_pending_messages_comes_in_order(scene: Scene) -> None:
    for _ in range(450):
        await scene.store()
    screen = scene.connect()
    await screen.caught_up()
    assert screen.numbers == list(range(1, 451))
