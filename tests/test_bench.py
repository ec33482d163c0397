"""The bench against the running platform: through each door everything arrives, and its cost is counted."""

import asyncio

import pytest

from bench.people import Pair, User
from bench.run import measure
from bench.scenarios import choose
from tests.conftest import Chat, Person


@pytest.mark.parametrize("name", ["socket", "batch", "rush"])
async def test_what_is_sent_through_a_door_arrives_and_is_counted(chat: Chat, name: str) -> None:
    ana, bo, conversation = await chat.pair()
    pair = Pair(user(ana), user(bo), conversation.conversation_id)
    [scenario] = choose([name], seconds=1.0, warm_up_s=0.2)
    pids = {name: chat.processes.pid_of(name) for name in ("frontend", "presence", "router", "kafka", "mongo")}
    result = await measure(chat.stack.gateway_url, [pair], scenario, lambda: pids)
    assert result.verdict.clean
    assert result.final
    assert result.verdict.received == result.verdict.sent > 0
    assert result.costs.cpu_ms > 0
    async with asyncio.timeout(60):
        while await pending(ana):  # else the next run would begin with all of this one
            pass


async def pending(person: Person) -> int:
    device = await person.connect()
    await device.caught_up()
    return len(device.messages)


def user(person: Person) -> User:
    return User(person.name, "", person.client.access_token or "")
