"""A group through the whole path: everybody gets everything, in order, and what each has counts for the sender."""

import asyncio

from clients.parley import Conversation
from tests.conftest import Chat, Person


async def test_everybody_in_a_group_gets_everything_in_the_same_order(chat: Chat) -> None:
    people, conversation = await _group(chat, 5)
    devices = [await person.connect(acknowledges=True) for person in people]
    await asyncio.gather(*(_send(person, conversation, 20) for person in people))
    for device in devices:
        await device.until(100)
    assert all(device.numbers == list(range(1, 101)) for device in devices)
    assert all(device.texts == devices[0].texts for device in devices)


async def test_a_group_message_is_delivered_and_read_when_the_last_one_has_it(chat: Chat) -> None:
    (ana, *others), conversation = await _group(chat, 4)
    watcher = await ana.connect()
    sent = await ana.client.send(conversation.conversation_id, "hi all")
    seen = []
    for person in others:
        device = await person.connect()
        await device.until(1)
        device.socket.read(conversation.conversation_id, 1)
        await watcher.receipt(person.name, "READ", 1)
        seen.append((await ana.client.status(sent.message_id)).status)
    assert seen == ["SENT", "SENT", "READ"]
    assert {d.recipient for d in (await ana.client.status(sent.message_id)).deliveries} == {p.name for p in others}


async def test_who_is_not_addressed_gets_the_message_too(chat: Chat) -> None:
    (ana, bo, cy), conversation = await _group(chat, 3)
    devices = [await person.connect(acknowledges=True) for person in (bo, cy)]
    sent = await ana.client.send(conversation.conversation_id, "bo, please", to=[bo.name])
    for device in devices:
        await device.until(1)
    status = await ana.client.status(sent.message_id)
    assert [d.recipient for d in status.deliveries] == [bo.name]
    assert [d.messages[0].message_id for d in devices] == [sent.message_id] * 2


async def _group(chat: Chat, size: int) -> tuple[list[Person], Conversation]:
    people = [await chat.person(f"p{n}") for n in range(size)]
    first, *others = people
    return people, await first.client.open_conversation([p.name for p in others], type="group")


async def _send(person: Person, conversation: Conversation, count: int) -> None:
    for n in range(count):
        await person.client.send(conversation.conversation_id, f"{person.name} {n}")
