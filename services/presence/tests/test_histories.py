"""Lost announcements, lost feeds, cuts, repeats, log-ins and resumes, at random: every device sees all, in order."""

import asyncio
import random
from typing import Any

import pytest

from libs.common.feed import Entry, feed_key
from services.presence.domain.frames import Resume
from services.presence.tests.scene import Scene, Screen

STEPS = 60
WEIGHTS = {
    "send": 10,
    "unheard": 4,
    "send_again": 3,
    "lose_feed": 2,
    "cut": 1,
    "acknowledge": 1,
    "log_in": 2,
    "resume": 2,
}


class History:
    def __init__(self, scene: Scene, seed: int) -> None:
        self.dice = random.Random(seed)
        self.screens: list[Screen] = []
        self._scene = scene
        self._entries: list[Entry] = []

    async def step(self) -> None:
        (name,) = self.dice.choices(list(WEIGHTS), list(WEIGHTS.values()))
        await getattr(self, name)()

    async def send(self) -> None:
        self._entries.append(await self._scene.store())
        await self._scene.append(self._entries[-1])

    async def unheard(self) -> None:
        """As if the announcement got lost."""
        self._entries.append(await self._scene.store())
        frame: dict[Any, Any] = {"f": self._entries[-1].frame}
        await self._scene.cache.xadd(feed_key(self._scene.bo), frame, id="0-*", nomkstream=True)

    async def send_again(self) -> None:
        """A router that died before its commit begins again."""
        first = self.dice.randrange(len(self._entries) + 1)
        await self._scene.append(*self._entries[first:])

    async def lose_feed(self) -> None:
        await self._scene.lose_feed()

    async def cut(self) -> None:
        await self._scene.cache.client_kill_filter(_type="pubsub")

    async def acknowledge(self) -> None:
        if self._entries:
            await self._scene.acknowledge(self.dice.randint(1, len(self._entries)))

    async def log_in(self) -> None:
        self.screens.append(self._scene.connect())

    async def resume(self) -> None:
        ends = [frame for screen in self.screens for frame in screen.of("caught_up")]
        if ends:
            end = self.dice.choice(ends)
            self.screens.append(self._scene.connect(Resume(end["epoch"], end["offset"])))


@pytest.mark.parametrize("seed", range(6))
async def test_every_device_sees_each_message_once_in_order_and_without_gap(scene: Scene, seed: int) -> None:
    history = History(scene, seed)
    scene.tasks.append(asyncio.create_task(scene.node.keep_feeds(0.1)))
    await history.log_in()
    await history.screens[0].caught_up()
    for _ in range(STEPS):
        await history.step()
        await asyncio.sleep(history.dice.choice([0, 0, 0.002]))
    await history.send()
    for screen in history.screens:
        await screen.until(lambda s=screen: s.is_unproven or scene.last in s.numbers)  # type: ignore[misc]
        if screen.is_unproven:
            continue
        assert screen.numbers == list(range(screen.numbers[0], scene.last + 1))
    assert history.screens[0].numbers[0] == 1
