"""A route on the whole system: another channel is tried when somebody is away, and never where they are not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from clients.parley import Conversation
from clients.parley.objects import MessageStatus
from libs.common import mongo
from tests.conftest import PATIENCE_S, Chat, Person
from tests.outside import simulator
from tests.telegram import Telegram


@pytest.fixture
async def telegram(chat: Chat) -> AsyncIterator[Telegram]:
    async with simulator(chat) as http:
        there = Telegram(chat, http)
        yield there
        await there.clear()


def here_then(channel: str, after_s: int) -> list[dict[str, Any]]:
    return [{"channel": "internal", "until": "DELIVERED", "after_s": after_s}, {"channel": channel}]


async def send(sender: Person, conversation: Conversation, text: str, after_s: int) -> str:
    route = here_then("telegram", after_s)
    return (await sender.client.send(conversation.conversation_id, text, route=route)).message_id


async def until_status(person: Person, message_id: str, condition: Callable[[MessageStatus], bool]) -> MessageStatus:
    async with asyncio.timeout(PATIENCE_S):
        while not condition(status := await person.client.status(message_id)):
            await asyncio.sleep(0.1)
    return status


async def goes_off(chat: Chat, message_id: str) -> None:
    """The timer, now; returns when there is none any more."""
    async with mongo.connect(chat.stack.mongo, chat.stack.mongo_database) as database, asyncio.timeout(PATIENCE_S):
        await database["routes"].update_one({"_id": message_id}, {"$set": {"due_at": datetime.now(UTC)}})
        while await database["routes"].find_one({"_id": message_id}):
            await asyncio.sleep(0.1)


def channels(status: MessageStatus) -> list[tuple[str, str]]:
    return [(d.channel, d.status) for d in status.deliveries]


async def test_who_is_away_is_reached_elsewhere_in_time(chat: Chat, telegram: Telegram) -> None:
    ana, bo, conversation = await chat.pair()
    address = await telegram.is_reached_by(bo)
    first = await ana.client.status(await send(ana, conversation, "Come when you can.", 86_400))
    assert first.route
    (place,) = first.route.recipients
    assert (place.recipient, place.state, place.step, place.channel) == (bo.name, "waiting", 0, "internal")
    assert place.due_at
    assert channels(first) == [("internal", "SENT")]
    message_id = await send(ana, conversation, "Are you there?", 1)
    await telegram.until(address, lambda texts: texts == ["Are you there?"])
    last = await until_status(ana, message_id, lambda s: ("telegram", "SENT") in channels(s))
    assert last.status == "SENT"
    assert last.route
    assert [(p.state, p.step, p.channel, p.due_at) for p in last.route.recipients] == [("reached", 1, "telegram", None)]


async def test_who_acknowledges_in_time_hears_of_it_nowhere_else(chat: Chat, telegram: Telegram) -> None:
    """That nothing came is known from what was sent there when the timer had gone off."""
    ana, bo, conversation = await chat.pair()
    address = await telegram.is_reached_by(bo)
    await bo.connect(acknowledges=True)
    message_id = await send(ana, conversation, "one", 86_400)
    await until_status(ana, message_id, lambda s: s.status == "DELIVERED")
    await goes_off(chat, message_id)
    await ana.client.send(conversation.conversation_id, "two", channels=["telegram"])
    assert await telegram.until(address, lambda texts: len(texts) > 0) == ["two"]
    status = await ana.client.status(message_id)
    assert channels(status) == [("internal", "DELIVERED")]
    assert status.route
    assert status.route.recipients[0].state == "reached"


async def test_a_router_that_dies_in_between_changes_nothing(chat: Chat, telegram: Telegram) -> None:
    ana, bo, conversation = await chat.pair()
    address = await telegram.is_reached_by(bo)
    message_id = await send(ana, conversation, "still?", 4)
    await ana.client.status(message_id)
    chat.kill("router")
    await telegram.until(address, lambda texts: len(texts) > 0)
    status = await until_status(ana, message_id, lambda s: ("telegram", "SENT") in channels(s))
    again = ["still?"] if status.deliveries[-1].uncertain else []  # it died in the middle of the call
    assert await telegram.texts(address) in (["still?"], ["still?", *again])


async def test_a_late_receipt_stops_what_waits_to_be_sent(chat: Chat, telegram: Telegram) -> None:
    """The platform asks for patience, so the message stands in its lane when bo comes back."""
    ana, bo, conversation = await chat.pair()
    address = await telegram.is_reached_by(bo)
    await telegram.fault("flood", chat=int(address), seconds=40, times=1)
    device = await ana.connect()
    message_id = await send(ana, conversation, "hello?", 1)
    await until_status(ana, message_id, lambda s: ("telegram", "QUEUED") in channels(s))
    await bo.connect(acknowledges=True)
    change = await device.delivery(bo.name, "telegram")
    assert (change.status, change.message_status, change.error["code"]) == ("FAILED", "DELIVERED", "not_needed")
    status = await ana.client.status(message_id)
    assert (status.status, channels(status)) == ("DELIVERED", [("internal", "DELIVERED"), ("telegram", "FAILED")])
    await ana.client.send(conversation.conversation_id, "and now?", channels=["telegram"])
    assert await telegram.until(address, lambda texts: len(texts) > 0) == ["and now?"]


async def test_a_step_that_fails_is_followed_at_once_and_everybody_sees_the_route(
    chat: Chat, telegram: Telegram
) -> None:
    ana, bo, conversation = await chat.pair()
    address = await telegram.is_reached_by(bo)
    route = [{"channel": "whatsapp", "until": "DELIVERED", "after_s": 86_400}, {"channel": "telegram"}]
    sent = await ana.client.send(conversation.conversation_id, "hi", route=route)
    await telegram.until(address, lambda texts: texts == ["hi"])
    status = await until_status(ana, sent.message_id, lambda s: ("telegram", "SENT") in channels(s))
    assert status.status == "SENT"
    (shown,) = (await bo.client.history(conversation.conversation_id)).items
    assert [(s.channel, s.until, s.after_s) for s in shown.route] == [
        ("whatsapp", "DELIVERED", 86_400),
        ("telegram", None, None),
    ]
    assert shown.channels == ("whatsapp", "telegram")
