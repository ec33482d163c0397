"""Members that nothing comes for: how they rest, and that nothing waits for the end of it."""

import asyncio
from typing import Any

import pytest
from aiokafka.client import ConnectionGroup

from libs.common.kafka import Consumer, Producer
from libs.common.kafka.rest import RESTING_MS, RESTS_AFTER_S, Rest
from libs.common.tests.broker import Broker, Collector, consuming, is_member, numbered, publish, until

NODE = 1
FETCHES = (NODE, ConnectionGroup.DEFAULT)
BRISK = (500, 0.2)
RESTING = (RESTING_MS, RESTING_MS / 1000)


class Line:
    is_open = True

    def close(self) -> None:
        self.is_open = False


class Fetcher:
    """As much of the library's fetcher as resting touches."""

    def __init__(self) -> None:
        self._fetch_max_wait_ms, self._fetcher_timeout = BRISK
        self.begun = asyncio.Event()
        self.answered = asyncio.Event()

    @property
    def waits(self) -> tuple[int, float]:
        return self._fetch_max_wait_ms, self._fetcher_timeout

    async def _proc_fetch_request(self, _assignment: Any, _node_id: int, _request: Any) -> bool:
        self.begun.set()
        try:
            await self.answered.wait()
        except asyncio.CancelledError:
            return False
        return True


class Lines:
    def __init__(self) -> None:
        self._conns = {FETCHES: Line(), (NODE, ConnectionGroup.COORDINATION): Line()}

    @property
    def open(self) -> list[tuple[int, int]]:
        return [key for key, line in self._conns.items() if line.is_open]


class Client:
    def __init__(self) -> None:
        self._fetcher = Fetcher()
        self._client = Lines()


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rest(client: Client, clock: Clock) -> Rest:
    return Rest(client, clock)


def test_a_member_rests_when_it_has_been_idle_for_a_while(client: Client, clock: Clock, rest: Rest) -> None:
    rest.polled(is_idle=True)
    assert client._fetcher.waits == BRISK
    clock.now_s += RESTS_AFTER_S
    rest.polled(is_idle=True)
    assert client._fetcher.waits == RESTING


def test_the_first_record_ends_it(client: Client, clock: Clock, rest: Rest) -> None:
    clock.now_s += RESTS_AFTER_S
    rest.polled(is_idle=True)
    rest.polled(is_idle=False)
    assert client._fetcher.waits == BRISK
    clock.now_s += RESTS_AFTER_S / 2
    rest.polled(is_idle=True)
    assert client._fetcher.waits == BRISK


async def test_an_abandoned_fetch_takes_its_line_along_and_ends_the_rest(
    client: Client, clock: Clock, rest: Rest
) -> None:
    clock.now_s += RESTS_AFTER_S
    rest.polled(is_idle=True)
    fetching = asyncio.create_task(client._fetcher._proc_fetch_request("assignment", NODE, "request"))
    await client._fetcher.begun.wait()
    fetching.cancel()
    assert not await fetching
    assert client._client.open == [(NODE, ConnectionGroup.COORDINATION)]
    assert client._fetcher.waits == BRISK


@pytest.mark.usefixtures("rest")
async def test_a_fetch_that_is_answered_keeps_it(client: Client) -> None:
    client._fetcher.answered.set()
    assert await asyncio.create_task(client._fetcher._proc_fetch_request("assignment", NODE, "request"))
    assert FETCHES in client._client.open


def rests(member: Consumer) -> bool:
    return getattr(member._kafka._fetcher, "_fetch_max_wait_ms", None) == RESTING_MS


async def test_who_rests_hears_of_records_and_serves_what_others_leave(kafka: Broker, producer: Producer) -> None:
    stays, goes = Collector(), Collector()
    async with consuming(kafka, producer, stays) as member:
        await is_member(member)
        await until(lambda: rests(member))
        await publish(producer, *numbered(20))
        await stays.until(*numbered(20))
        await until(lambda: rests(member))
        async with consuming(kafka, producer, goes) as other:
            await is_member(other)
        await publish(producer, *numbered(20, "more"))
        await stays.until(*numbered(20, "more"))
    assert sorted(stays.handled) == sorted([*numbered(20), *numbered(20, "more")])
    assert not goes.handled
