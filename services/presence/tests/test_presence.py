"""Somebody is online while a device of theirs is connected to any node, and each change is told once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from conftest import Stack
from libs.common import redis
from libs.common.clock import new_id
from libs.common.tests.line import line_to
from services.presence.domain.presence import Changes
from services.presence.handlers.presence import Presenter
from services.presence.store.presences import BATCH, LIFETIME_S, Presences

LIFE_S = 120.0
SHORT_S = 6.0  # of a node that dies, or whose heart has to beat
MIDDLE_S = 20.0  # a third of it is the time to renew a promise: more than who is held up loses
SWEEP_S = 0.05


@dataclass
class Node:
    store: Presences
    presenter: Presenter
    devices: dict[str, list[ExitStack]] = field(default_factory=dict)
    running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.running = asyncio.create_task(self.presenter.run(SWEEP_S))

    def connect(self, *usernames: str) -> None:
        for username in usernames:
            device = ExitStack()
            device.enter_context(self.presenter.connected(username))
            self.devices.setdefault(username, []).append(device)

    def disconnect(self, username: str) -> None:
        self.devices[username].pop().close()

    async def die(self) -> None:
        if self.running:
            self.running.cancel()
            await asyncio.wait([self.running])


@dataclass
class Town:
    """Nodes that meet in one Redis, and what all of them told, in its order."""

    cache: Redis
    root: str = field(default_factory=lambda: f"test:{{{new_id()}}}")
    told: list[tuple[str, str]] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def node(self, client: Redis | None = None, leaving_s: float = 0.2, life_s: float = LIFE_S) -> Node:
        store = Presences(client or self.cache, new_id(), self.root)
        node = Node(store, Presenter(store, self.hear, life_s))
        node.presenter.leaving_s = leaving_s
        node.start()
        self.nodes.append(node)
        return node

    def hear(self, changes: Changes) -> None:
        self.told += [(p.username, p.status) for p in changes.people]

    async def until_told(self, *changes: tuple[str, str]) -> None:
        await until(lambda: len(self.told) >= len(changes))
        assert self.told == list(changes)

    async def seen(self, username: str) -> datetime:
        found = (await Presences(self.cache, "nobody", self.root).look([username]))[0].last_seen
        assert found
        return found

    async def promises_hold(self) -> bool:
        seconds, _ = await self.cache.time()
        return bool(await self.cache.zcount(f"{self.root}:until", seconds * 1000, "+inf"))

    async def promised(self, username: str, by: int) -> None:
        """Waits until so many nodes have told that they have them."""
        async with asyncio.timeout(60):
            while await self.cache.hlen(f"{self.root}:of:{username}") < by:
                await asyncio.sleep(0.01)

    async def online(self, *usernames: str) -> list[str]:
        look = Presences(self.cache, "nobody", self.root).look
        return [p.username for p in await look(usernames) if p.status == "online"]


def port_of(stack: Stack) -> int:
    return urlsplit(stack.redis).port or 6379


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def town(cache: Redis) -> AsyncIterator[Town]:
    made = Town(cache)
    yield made
    for node in made.nodes:
        await node.die()
    if keys := await cache.keys(f"{made.root.replace('{', '[{]').replace('}', '[}]')}*"):
        await cache.delete(*keys)


async def test_somebody_comes_online_once_and_goes_offline_once(town: Town) -> None:
    one, two = town.node(), town.node()
    for node in (one, one, two):
        node.connect("ana")
    await town.until_told(("ana", "online"))
    await town.promised("ana", 2)
    one.disconnect("ana")
    two.disconnect("ana")
    one.disconnect("ana")
    await town.until_told(("ana", "online"), ("ana", "offline"))
    assert await town.online("ana") == []


async def test_who_is_on_another_node_stays_online(town: Town) -> None:
    one, two = town.node(), town.node()
    one.connect("ana", "bo")
    two.connect("ana")
    await until(lambda: len(town.told) == 2)
    await town.promised("ana", 2)
    one.disconnect("ana")
    one.disconnect("bo")
    await until(lambda: len(town.told) == 3)
    assert town.told[-1] == ("bo", "offline")
    assert await town.online("ana", "bo") == ["ana"]


async def test_who_comes_back_at_once_has_not_been_away(town: Town) -> None:
    one, two = town.node(leaving_s=60), town.node()
    one.connect("ana", "bo")
    await until(lambda: len(town.told) == 2)
    one.disconnect("ana")
    two.connect("ana", "cy")
    await until(lambda: ("cy", "online") in town.told)
    assert await town.online("ana") == ["ana"]
    assert len(town.told) == 3


async def test_the_users_of_a_node_that_dies_go_offline_unless_they_are_elsewhere(town: Town) -> None:
    one, two = town.node(life_s=SHORT_S), town.node()
    one.connect("ana", "bo")
    two.connect("bo")
    await until(lambda: len(town.told) == 2)
    await town.promised("bo", 2)
    await one.die()
    await until(lambda: ("ana", "offline") in town.told)
    assert await town.online("ana", "bo") == ["bo"]
    assert ("bo", "offline") not in town.told


async def test_the_heartbeat_is_a_sign_of_life(town: Town) -> None:
    node = town.node(life_s=SHORT_S)
    node.connect("ana")
    await town.until_told(("ana", "online"))
    first = await town.seen("ana")
    async with asyncio.timeout(60):
        while await town.seen("ana") == first:
            await asyncio.sleep(0.02)
    assert await town.seen("ana") > first
    assert 0 < await town.cache.ttl(f"{town.root}:of:ana") <= LIFETIME_S


async def test_what_redis_lost_comes_back_with_the_heartbeat(town: Town) -> None:
    node = town.node(life_s=SHORT_S)
    node.connect("ana")
    await town.until_told(("ana", "online"))
    await town.cache.delete(f"{town.root}:until", f"{town.root}:seen", f"{town.root}:of:ana")
    await until(lambda: len(town.told) >= 2)
    assert await town.online("ana") == ["ana"]


async def test_what_happened_while_redis_was_away_is_told_when_it_is_back(town: Town, stack: Stack) -> None:
    async with line_to(port_of(stack)) as (line, near), redis.connect(f"redis://127.0.0.1:{near}/0") as client:
        node = town.node(client)
        node.connect("ana")
        await town.until_told(("ana", "online"))
        line.cut()
        node.disconnect("ana")
        node.connect("bo")
        line.is_cut = False
        await until(lambda: len(town.told) == 3)
        assert set(town.told[1:]) == {("ana", "offline"), ("bo", "online")}
        await node.die()


async def test_nobody_goes_offline_because_redis_was_away_for_long(town: Town, stack: Stack) -> None:
    async with line_to(port_of(stack)) as (line, near), redis.connect(f"redis://127.0.0.1:{near}/0") as client:
        one, two = town.node(client, life_s=MIDDLE_S), town.node(client, life_s=MIDDLE_S)
        one.connect("ana")
        two.connect("bo")
        await until(lambda: len(town.told) == 2)
        line.cut()
        async with asyncio.timeout(60):
            while await town.promises_hold():
                await asyncio.sleep(0.05)
        line.is_cut = False
        one.disconnect("ana")
        await until(lambda: len(town.told) >= 3)
        assert town.told[2] == ("ana", "offline")
        assert await town.online("bo") == ["bo"]
        for node in (one, two):
            await node.die()


async def test_a_node_that_stops_leaves_time_to_come_back(town: Town) -> None:
    one, two = town.node(), town.node()
    one.connect("ana", "bo")
    await until(lambda: len(town.told) == 2)
    await one.die()
    one.presenter.leaving_s = 10
    await one.presenter.stop()
    two.connect("ana")
    await until(lambda: len(town.told) == 3)
    assert town.told[-1] == ("bo", "offline")
    assert await town.online("ana") == ["ana"]


async def test_many_at_once_are_told_in_bounded_pieces(town: Town) -> None:
    names = [f"user-{n}" for n in range(3 * BATCH + 1)]
    node = town.node()
    node.connect(*names)
    await until(lambda: len(town.told) == len(names))
    for name in names:
        node.disconnect(name)
    await until(lambda: len(town.told) == 2 * len(names))
    assert sorted(town.told[len(names) :]) == sorted((name, "offline") for name in names)


async def test_deadlines_of_dead_nodes_do_not_pile_up(town: Town) -> None:
    for _ in range(3):
        store = Presences(town.cache, new_id(), town.root)
        await store.promise(["ana"], 0.001)
    async with asyncio.timeout(60):
        while await town.cache.hlen(f"{town.root}:of:ana") > 1:
            await store.release(["ana"], 60)


async def test_nobody_was_seen_who_never_came(town: Town) -> None:
    assert await Presences(town.cache, "n", town.root).look(["ana"]) == [("ana", "offline", None)]
    assert await Presences(town.cache, "n", town.root).look([]) == []
