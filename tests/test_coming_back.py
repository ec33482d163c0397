"""A client that comes back by itself: nothing missing, doubled or swapped while its server dies under it."""

import asyncio

from clients.parley import Arrived, CaughtUp, LiveChat, Ready
from tests.conftest import DEADLINE_S, Chat, Person


async def _numbers(live: LiveChat, count: int) -> list[int]:
    """The numbers of so many messages, acknowledged as they come."""
    numbers: list[int] = []
    while len(numbers) < count:
        event = await live.receive(DEADLINE_S)
        if isinstance(event, Arrived):
            live.ack(event.conversation_id, event.sequence_number)
            numbers.append(event.sequence_number)
    return numbers


async def _caught_up(live: LiveChat) -> None:
    """From here on it has a place in its feed."""
    while not isinstance(await live.receive(DEADLINE_S), CaughtUp):
        pass


async def _ready_again(live: LiveChat) -> bool | None:
    while True:
        event = await live.receive(DEADLINE_S)
        if isinstance(event, Ready):
            return event.recovered


async def test_both_sides_of_a_talk_survive_the_death_of_their_node(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    async with ana.client.live(deadline_s=DEADLINE_S) as talks, bo.client.live() as listens:
        hearing = asyncio.create_task(_numbers(listens, 300))
        for burst in range(3):
            sends = [talks.send(conversation.conversation_id, f"{burst}/{n}") for n in range(100)]
            burst_sent = asyncio.gather(*sends)
            if burst == 1:
                await asyncio.sleep(0)
                chat.kill("presence")
            await burst_sent
        assert await hearing == list(range(1, 301))
    history = [m.text async for m in bo.client.each_message(conversation.conversation_id)]
    assert history == [f"{burst}/{n}" for burst in range(3) for n in range(100)]


async def test_a_cut_connection_is_resumed(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    async with bo.client.live() as live:
        await _caught_up(live)
        await ana.client.send(conversation.conversation_id, "before")
        assert await _numbers(live, 1) == [1]
        live.cut()
        await ana.client.send(conversation.conversation_id, "meanwhile")
        assert await _ready_again(live) is True
        assert await _numbers(live, 1) == [2]


async def test_after_redis_died_nothing_is_given_twice_and_nothing_is_missing(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    async with bo.client.live() as live:
        await _send(ana, conversation.conversation_id, 5)
        assert await _numbers(live, 5) == [1, 2, 3, 4, 5]
        chat.kill("redis")
        live.cut()
        await _send(ana, conversation.conversation_id, 5)
        assert await _numbers(live, 5) == [6, 7, 8, 9, 10]


async def test_a_device_that_says_what_it_has_gets_what_another_one_acknowledged(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    await _send(ana, conversation.conversation_id, 6)
    async with bo.client.live() as first:
        await _numbers(first, 6)
    known = {conversation.conversation_id: 2}
    async with bo.client.live(known=known) as second:
        assert await _numbers(second, 4) == [3, 4, 5, 6]


async def _send(person: Person, conversation_id: str, count: int) -> None:
    for n in range(count):
        await person.client.send(conversation_id, f"text {n}")
