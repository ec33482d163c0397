"""What the router gets in one poll: an id many times over, a text that MongoDB refuses, a number that is taken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from clients.parley import ErrorReported
from libs.common import mongo
from tests.conftest import DEADLINE_S, Chat, Person, until
from tests.dead_letters import dead_letter
from tests.processes import metric

POLLS = 2  # one is under way when the router stops, and may bring the first record alone
RECORDS = 'parley_consumed_records_total{group="router-messages"}'
BATCHES = 'parley_consumed_batch_records_count{group="router-messages"}'


async def test_an_id_that_came_many_times_by_both_doors_is_stored_and_pushed_once(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    doorway, device = await ana.connect(), await bo.connect()
    c, again = conversation.conversation_id, str(uuid4())
    async with in_one_poll(chat, records=22):
        for n in range(10):
            await ana.client.send(c, "again", message_id=again)
            await doorway.socket.send(c, "again", message_id=again)
            if n in (0, 9):
                await ana.client.send(c, f"number {n}")
    await device.until(3)
    assert device.texts == ["again", "number 0", "number 9"]
    assert await history(bo, c) == [(1, "again"), (2, "number 0"), (3, "number 9")]


async def test_of_two_texts_under_one_id_the_first_stands_and_the_sender_is_told(chat: Chat) -> None:
    """The two doors do not know of each other: both say yes."""
    ana, bo, conversation = await chat.pair()
    doorway, device = await ana.connect(), await bo.connect()
    c, taken = conversation.conversation_id, str(uuid4())
    async with in_one_poll(chat, records=3):
        await ana.client.send(c, "first", message_id=taken)
        await doorway.socket.send(c, "second", message_id=taken)
        await ana.client.send(c, "after")
    await device.until(2)
    await until(lambda: any(isinstance(e, ErrorReported) for e in doorway.events))
    assert {e.problem.code for e in doorway.events if isinstance(e, ErrorReported)} == {"message_id_conflict"}
    assert device.texts == ["first", "after"]
    assert await history(bo, c) == [(1, "first"), (2, "after")]


async def test_a_text_that_mongodb_refuses_is_dead_lettered_alone_and_leaves_no_gap(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    device, c, poison = await bo.connect(), conversation.conversation_id, str(uuid4())
    texts = [*(f"before {n}" for n in range(7)), poison, *(f"after {n}" for n in range(7))]
    async with refused_by_mongodb(chat, poison), in_one_poll(chat, records=len(texts)):
        for text in texts:
            await ana.client.send(c, text)
    texts.remove(poison)
    await device.until(len(texts))
    assert device.texts == texts
    assert await history(bo, c) == list(enumerate(texts, 1))
    assert (await dead_letter(chat, poison.encode()))["dlq_reason"] == b"refused_by_store"


async def test_where_a_number_is_taken_in_the_middle_of_an_insert_the_rest_goes_on_behind_it(chat: Chat) -> None:
    """As by a router that was thought dead: the fence stops the insert, and everything is read anew."""
    ana, bo, conversation = await chat.pair()
    device, c = await bo.connect(), conversation.conversation_id
    first = await ana.client.send(c, "first")
    await device.until(1)
    async with in_one_poll(chat, records=6):
        await store_as_another(chat, like=first.message_id, number=4)
        for n in range(6):
            await ana.client.send(c, f"number {n}")
    await device.until(8)
    texts = ["first", "number 0", "number 1", "another's", "number 2", "number 3", "number 4", "number 5"]
    assert device.texts == texts
    assert await history(bo, c) == list(enumerate(texts, 1))


@asynccontextmanager
async def in_one_poll(chat: Chat, records: int) -> AsyncIterator[None]:
    """So many records are accepted inside the block, while the router hangs; when it has ended, they are handled."""
    router = f"http://127.0.0.1:{chat.processes.ports['router']}"
    handled, batches = await metric(router, RECORDS), await metric(router, BATCHES)
    async with chat.hanging("router"):
        yield
    async with asyncio.timeout(DEADLINE_S):
        while await metric(router, RECORDS) < handled + records:
            await asyncio.sleep(0.05)
    assert await metric(router, BATCHES) <= batches + POLLS


@asynccontextmanager
async def refused_by_mongodb(chat: Chat, text: str) -> AsyncIterator[None]:
    async with mongo.connect(chat.stack.mongo, chat.stack.mongo_database) as database:
        await database.command("collMod", "messages", validator={"payload.text": {"$ne": text}})
        try:
            yield
        finally:
            await database.command("collMod", "messages", validator={})


async def store_as_another(chat: Chat, like: str, number: int) -> None:
    async with mongo.connect(chat.stack.mongo, chat.stack.mongo_database) as database:
        document = await database["messages"].find_one({"_id": like})
        assert document
        document |= {"_id": str(uuid4()), "sequence_number": number, "source": "elsewhere/0/0"}
        document["payload"] |= {"text": "another's"}
        await database["messages"].insert_one(document)


async def history(person: Person, conversation_id: str) -> list[tuple[int, str | None]]:
    found = (await person.client.history(conversation_id, limit=200)).items
    return [(m.sequence_number, m.text) for m in found]
