"""One text from `POST` to read receipt, through the gateway, on the real servers."""

import asyncio
from uuid import uuid4

import pytest

from clients.parley import MessageStatus, ProblemError
from tests.conftest import Chat, Person

LOG_INS = 10


async def test_a_text_goes_from_post_to_read_receipt(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    device, sender = await bo.connect(), await ana.connect()
    sent = await ana.client.send(conversation.conversation_id, "hi")
    await device.until(1)
    device.socket.ack(conversation.conversation_id, 1)
    await sender.receipt(bo.name, "DELIVERED", 1)
    device.socket.read(conversation.conversation_id, 1)
    await sender.receipt(bo.name, "READ", 1)
    assert [m.text for m in device.messages] == ["hi"]
    status = await ana.client.status(sent.message_id)
    assert [change.status for change in status.status_history] == ["ACCEPTED", "SENT", "DELIVERED", "READ"]
    assert status.status == "READ"
    assert [d.status for d in status.deliveries] == ["READ"]


async def test_a_text_sent_over_the_socket_reaches_all_devices_of_both(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    devices = [await ana.connect(), await ana.connect(), await bo.connect(), await bo.connect()]
    await devices[0].socket.send(conversation.conversation_id, "hello")
    for device in devices:
        await device.until(1)
    assert [d.texts for d in devices] == [["hello"]] * 4


async def test_who_was_away_gets_everything_in_order_and_only_once(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    for n in range(30):
        await ana.client.send(conversation.conversation_id, f"{n}")
    first = await bo.connect(acknowledges=True)
    await first.until(30)
    watcher = await ana.connect()
    await watcher.caught_up()
    await _until_delivered(ana, conversation.conversation_id, 30)
    second = await bo.connect()
    await second.caught_up()
    assert first.numbers == list(range(1, 31))
    assert second.messages == []


async def test_sending_goes_on_through_a_log_in_without_gap_or_repeat(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    enough = asyncio.Event()
    sending = asyncio.create_task(_send_until(enough, ana, conversation.conversation_id))
    devices = [await bo.connect()]
    while len(devices) < LOG_INS:
        await devices[-1].until(len(devices) * 20)
        devices.append(await bo.connect())
    enough.set()
    total = await sending
    for device in devices:
        await device.until(total)
    assert [d.numbers for d in devices] == [list(range(1, total + 1))] * len(devices)


async def test_a_resumed_device_gets_exactly_what_it_missed(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    first = await bo.connect()
    await first.caught_up()
    await ana.client.send(conversation.conversation_id, "before")
    await first.until(1)
    position = first.socket.position
    assert position is not None
    await first.close()
    await ana.client.send(conversation.conversation_id, "while away")
    second = await bo.connect(position)
    await second.until(1)
    assert second.texts == ["while away"]


async def test_a_clients_retry_is_accepted_and_stored_once(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    message_id = str(uuid4())
    device = await bo.connect()
    answers = [await ana.client.send(conversation.conversation_id, "once", message_id=message_id) for _ in range(5)]
    await ana.client.send(conversation.conversation_id, "after")
    await device.until(2)
    assert {a.message_id for a in answers} == {message_id}
    assert device.texts == ["once", "after"]
    assert [m.text for m in (await ana.client.history(conversation.conversation_id)).items] == ["once", "after"]


async def test_the_same_id_for_another_text_is_a_conflict(chat: Chat) -> None:
    ana, _, conversation = await chat.pair()
    message_id = str(uuid4())
    await ana.client.send(conversation.conversation_id, "one", message_id=message_id)
    with pytest.raises(ProblemError) as refusal:
        await ana.client.send(conversation.conversation_id, "two", message_id=message_id)
    assert (refusal.value.status, refusal.value.code) == (409, "message_id_conflict")


async def test_a_stranger_sees_nothing(chat: Chat) -> None:
    ana, _, conversation = await chat.pair()
    eve = await chat.person("eve")
    sent = await ana.client.send(conversation.conversation_id, "secret")
    attempts = [
        eve.client.send(conversation.conversation_id, "let me in"),
        eve.client.history(conversation.conversation_id),
        eve.client.conversation(conversation.conversation_id),
        eve.client.status(sent.message_id),
        eve.client.message(sent.message_id),
        eve.client.mark_read(conversation.conversation_id, 1),
    ]
    refusals = await asyncio.gather(*attempts, return_exceptions=True)
    assert [getattr(r, "status", r) for r in refusals] == [404] * len(attempts)


async def _send_until(enough: asyncio.Event, person: Person, conversation_id: str) -> int:
    """How many."""
    total = 0
    while not enough.is_set():
        await person.client.send(conversation_id, f"{total}")
        total += 1
    return total


async def _until_delivered(person: Person, conversation_id: str, number: int) -> MessageStatus:
    page = await person.client.history(conversation_id, since=number - 1)
    async with asyncio.timeout(60):
        while True:
            status = await person.client.status(page.items[0].message_id)
            if status.status in ("DELIVERED", "READ"):
                return status
