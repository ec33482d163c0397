"""What a client does with its own message ids is nobody else's trouble."""

import asyncio
from uuid import uuid4

from libs.common.kafka.consumer import CEILING
from tests.conftest import Chat


async def test_conflicts_of_one_client_hold_up_nobody_else(chat: Chat) -> None:
    mallory, bo, conversation = await chat.pair()
    ana, cy, other = await chat.pair()
    here, there = await mallory.connect(), await cy.connect()
    ids = [str(uuid4()) for _ in range(2 * CEILING)]
    c = conversation.conversation_id
    await asyncio.gather(*(here.socket.send(c, "one", message_id=i) for i in ids))
    await asyncio.gather(*(mallory.client.send(c, "another", message_id=i) for i in ids))
    await ana.client.send(other.conversation_id, "hi")
    await there.until(1)
    await bo.client.send(c, "after")
    await here.until(len(ids) + 1)
    assert there.texts == ["hi"]
    assert here.texts == ["one"] * len(ids) + ["after"]
