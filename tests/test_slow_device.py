"""A device that stops reading delays itself alone: it is sent away, resumes, and has missed nothing."""

import asyncio

from clients.parley import Arrived, CaughtUp, ChatSocket, Conversation, Draft, SocketClosedError
from tests.conftest import DEADLINE_S, Chat, Person
from tests.processes import metric

BATCH = 50
MOST_BATCHES = 150  # of about 0.8 MB each; the node, the gateway and the kernel hold about 20 for one device
TEXT = "\N{TURTLE}" * 4096
TOO_SLOW = 4408


async def test_a_device_that_stops_reading_holds_up_no_other_and_gets_the_rest_later(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    fast = await bo.connect()
    async with ChatSocket(chat.stack.gateway_url, bo.client.access_token or "", buffer=1) as slow:
        while not isinstance(await slow.receive(DEADLINE_S), CaughtUp):
            pass
        count, is_sent_away, batches = await count_of_slow(chat), asyncio.Event(), 0

        async def read_when_it_is_sent_away() -> tuple[list[int], int]:
            """Soon: its end is kept for it for ten seconds."""
            while await count_of_slow(chat) == count:
                await asyncio.sleep(0.05)
            is_sent_away.set()
            return await read_on(slow)

        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read_when_it_is_sent_away())
            while not is_sent_away.is_set():
                assert batches < MOST_BATCHES
                await send_batch(ana, conversation)
                batches += 1
                await fast.until(batches * BATCH)
        before, code = reading.result()
    assert code == TOO_SLOW
    again = await bo.connect(resume=slow.position)
    await again.until(batches * BATCH - len(before))
    assert again.socket.ready
    assert again.socket.ready.recovered is True
    assert before + again.numbers == fast.numbers == list(range(1, batches * BATCH + 1))


async def count_of_slow(chat: Chat) -> float:
    """How many devices presence has sent away because they read too slowly."""
    url = f"http://127.0.0.1:{chat.processes.ports['presence']}"
    return await metric(url, f'parley_sockets_closed_total{{code="{TOO_SLOW}"}}')


async def send_batch(person: Person, conversation: Conversation) -> None:
    drafts = [Draft(conversation_id=conversation.conversation_id, text=TEXT) for _ in range(BATCH)]
    assert all(item.problem is None for item in await person.client.send_batch(drafts))


async def read_on(slow: ChatSocket) -> tuple[list[int], int]:
    """The numbers of everything up to its end, and the code of the end."""
    numbers: list[int] = []
    try:
        while True:
            event = await slow.receive(DEADLINE_S)
            numbers += [event.sequence_number] if isinstance(event, Arrived) else []
    except SocketClosedError as closed:
        return numbers, closed.code
