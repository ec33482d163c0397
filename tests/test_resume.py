"""A device that comes back goes on where it was, or is told that this cannot be proved; it never misses anything."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from redis.asyncio import Redis

from clients.parley import ChatSocket, ParleyError, Resume, SocketClosedError
from libs.common.feed import epoch_key, feed_key
from libs.common.tests.line import line_to
from tests.conftest import Chat, Device, Person, until
from tests.nodes import another_node


class Traveller:
    """One device of a person over several connections, which acknowledges nothing."""

    def __init__(self, chat: Chat, person: Person) -> None:
        self.connections: list[Device] = []
        self._chat = chat
        self._person = person

    async def arrive(self, url: str | None = None, resume: Resume | None = None) -> Device:
        """Again and again while there is no way in."""
        async with asyncio.timeout(60):
            while True:
                try:
                    return await self._connect(url or self._chat.stack.gateway_url, resume)
                except ParleyError:
                    await asyncio.sleep(0.1)

    async def _connect(self, url: str, resume: Resume | None) -> Device:
        assert self._person.client.access_token
        socket = ChatSocket(url, self._person.client.access_token, resume=resume)
        await socket.__aenter__()
        self.connections.append(Device(socket, acknowledges=False))
        return self.connections[-1]

    async def lost(self) -> Resume:
        """Waits until the connection has ended; where it had got to."""
        last = self.connections[-1]
        await until(lambda: last.socket.closed is not None)
        await last.drained()
        assert last.socket.position
        return last.socket.position

    @property
    def numbers(self) -> list[list[int]]:
        return [device.numbers for device in self.connections]

    async def go(self) -> None:
        for device in self.connections:
            await device.close()


class Journey:
    """Ana sends without a pause, bo's device travels."""

    def __init__(self, chat: Chat, ana: Person, bo: Person, conversation_id: str) -> None:
        self.chat = chat
        self.bo = bo
        self.device = Traveller(chat, bo)
        self.sent = 0
        self._ana = ana
        self._conversation_id = conversation_id
        self._is_over = False
        self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        while not self._is_over:
            await self._ana.client.send(self._conversation_id, str(self.sent + 1))
            self.sent += 1

    async def goes_on(self, messages: int = 30) -> None:
        more = self.sent + messages
        await until(lambda: self.sent >= more)

    async def ends(self) -> None:
        """Nothing more is sent, and every connection that still is one has the last message."""
        self._is_over = True
        await self._sending
        for device in self.device.connections:
            if device.socket.closed is None:
                await until(partial(_has, device, self.sent))

    async def is_broken_off(self) -> None:
        self._sending.cancel()
        await self.device.go()


def _has(device: Device, number: int) -> bool:
    return number in device.numbers[-1:]


@asynccontextmanager
async def journey(chat: Chat) -> AsyncIterator[Journey]:
    ana, bo, conversation = await chat.pair()
    made = Journey(chat, ana, bo, conversation.conversation_id)
    try:
        yield made
        await made.ends()
    finally:
        await made.is_broken_off()


def everything(journey: Journey) -> list[int]:
    return list(range(1, journey.sent + 1))


def without_a_gap(numbers: list[int]) -> bool:
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_after_a_cut_everything_missed_follows(chat: Chat) -> None:
    async with line_to(chat.processes.ports["gateway http"]) as (line, port), journey(chat) as trip:
        await (await trip.device.arrive(f"http://127.0.0.1:{port}")).caught_up()
        await trip.goes_on()
        line.cut()
        position = await trip.device.lost()
        await trip.goes_on()
        again = await trip.device.arrive(resume=position)
        await trip.goes_on()
    assert recovered(again) is True
    assert [n for numbers in trip.device.numbers for n in numbers] == everything(trip)


async def test_after_the_death_of_a_node_everything_missed_follows(chat: Chat) -> None:
    async with journey(chat) as trip:
        await (await trip.device.arrive()).caught_up()
        await trip.goes_on()
        chat.kill("presence")
        position = await trip.device.lost()
        again = await trip.device.arrive(resume=position)
        await trip.goes_on()
    assert recovered(again) is True
    assert [n for numbers in trip.device.numbers for n in numbers] == everything(trip)


async def test_another_node_goes_on_where_a_dead_one_was(chat: Chat) -> None:
    async with another_node(chat.stack) as node, journey(chat) as trip:
        await (await trip.device.arrive(node.url)).caught_up()
        await trip.goes_on()
        node.kill()
        position = await trip.device.lost()
        again = await trip.device.arrive(resume=position)
        await trip.goes_on()
    assert recovered(again) is True
    assert [n for numbers in trip.device.numbers for n in numbers] == everything(trip)


async def test_devices_on_two_nodes_get_the_same(chat: Chat) -> None:
    async with another_node(chat.stack) as node, journey(chat) as trip:
        here, there = await trip.device.arrive(), await trip.device.arrive(node.url)
        await trip.goes_on()
    assert here.numbers == there.numbers == everything(trip)


async def test_a_node_that_restarts_sends_its_devices_away_and_they_resume(chat: Chat) -> None:
    async with journey(chat) as trip:
        first = await trip.device.arrive()
        await first.caught_up()
        await trip.goes_on()
        await asyncio.to_thread(chat.processes.restart, "presence")
        position = await trip.device.lost()
        again = await trip.device.arrive(resume=position)
        await trip.goes_on()
    assert isinstance(first.socket.closed, SocketClosedError)
    assert first.socket.closed.code == 1012
    assert recovered(again) is True
    assert [n for numbers in trip.device.numbers for n in numbers] == everything(trip)


@pytest.mark.parametrize("misfortune", ["killed", "stopped", "emptied", "feed_lost"])
async def test_what_redis_may_have_lost_is_said_and_comes_from_the_database(
    chat: Chat, cache: Redis, misfortune: str
) -> None:
    async with line_to(chat.processes.ports["gateway http"]) as (line, port), journey(chat) as trip:
        stays = await trip.device.arrive()
        await (await trip.device.arrive(f"http://127.0.0.1:{port}")).caught_up()
        await trip.goes_on()
        line.cut()
        position = await trip.device.lost()
        await _befall(misfortune, chat, cache, trip.bo.name)
        await trip.goes_on()
        again = await trip.device.arrive(resume=position)
        await trip.goes_on()
    assert recovered(again) is False
    assert again.numbers == everything(trip)
    assert stays.numbers == everything(trip)
    assert without_a_gap(trip.device.numbers[1])


async def _befall(misfortune: str, chat: Chat, cache: Redis, username: str) -> None:
    match misfortune:
        case "killed":
            pid = chat.processes.kill("redis", signal.SIGKILL)
            await asyncio.to_thread(chat.processes.wait_for_another, "redis", pid)
        case "stopped":
            await asyncio.to_thread(chat.processes.restart, "redis")
        case "emptied":
            await cache.flushall()
        case "feed_lost":
            await cache.delete(feed_key(username), epoch_key(username))


def recovered(device: Device) -> bool | None:
    assert device.socket.ready
    return device.socket.ready.recovered
