"""Conversations with people on Messenger and on Instagram, both ways, and what becomes known of their messages."""

import secrets
from collections.abc import AsyncIterator

import pytest

from clients.parley.frames import DeliveryChanged, Unsent
from tests.conftest import Chat, Device, Person
from tests.outside import Outside, eventually, heard, outside_on


@pytest.fixture(params=["messenger", "instagram"])
async def outside(chat: Chat, request: pytest.FixtureRequest) -> AsyncIterator[Outside]:
    async with outside_on(request.param, chat) as outside:
        yield outside


async def statuses(device: Device, person: Person, channel: str, last: str) -> list[str]:
    """Of the delivery to them, as the sender was told, until this one."""

    def told() -> list[str]:
        changes = [e for e in device.events if isinstance(e, DeliveryChanged)]
        return [c.status for c in changes if (c.recipient, c.channel) == (person.name, channel)]

    await device.until_so(lambda: last in told())
    return told()


async def test_who_writes_first_comes_to_the_inbox_once_and_gets_an_answer(outside: Outside) -> None:
    there, tea = outside.there, await outside.there.somebody()
    await there.fault("double", tea)
    said = await there.tell(f"people/{tea}/say", text="Hello?")
    (hello,) = await heard(outside.inbox, f"{there.channel}:{tea}", "Hello?")
    await outside.client.send(hello.conversation_id, "Hi!", channels=["all"], reply_to=hello.message_id)
    assert await there.until(tea, lambda texts: len(texts) == 1) == ["Hi!"]
    (sent,) = await there.sent(tea)
    assert sent["reply_to"] == said["message_id"]


async def test_statuses_rise_to_what_the_platform_tells(outside: Outside) -> None:
    there = outside.there
    ana, bo, conversation = await outside.chat.pair()
    tea, device = await outside.has_written(bo), await ana.connect()
    for kind in ("double", "disorder"):
        await there.fault(kind, tea, seconds=0.5)
    await ana.client.send(conversation.conversation_id, "Are you there?", channels=[there.channel])
    await there.until(tea, lambda texts: len(texts) == 1)
    await statuses(device, bo, there.channel, "DELIVERED" if there.channel == "messenger" else "SENT")
    await there.tell(f"people/{tea}/read")
    told = await statuses(device, bo, there.channel, "READ")
    assert told == sorted(told, key=["SENT", "DELIVERED", "READ"].index)
    assert ("DELIVERED" in told) is (there.channel == "messenger")
    (arrived,) = await there.sent(tea)
    await there.tell(f"people/{tea}/say", text="Yes!", reply_to=arrived["message_id"])
    (yes,) = await heard(device, bo.name, "Yes!")
    assert yes.conversation_id == conversation.conversation_id


async def test_what_is_taken_back_there_is_erased_here(outside: Outside) -> None:
    there, tea = outside.there, await outside.there.somebody()
    secret = f"my number is {secrets.token_hex(4)}"
    said = await there.tell(f"people/{tea}/say", text=secret)
    (message,) = await heard(outside.inbox, f"{there.channel}:{tea}", secret)
    await there.tell(f"people/{tea}/unsend", message_id=said["message_id"])

    def unsent() -> list[Unsent]:
        return [e for e in outside.inbox.events if isinstance(e, Unsent) and e.message_id == message.message_id]

    await outside.inbox.until_so(lambda: bool(unsent()))
    found = (await outside.client.history(message.conversation_id)).items
    (shown,) = [m for m in found if m.message_id == message.message_id]
    assert (shown.text, shown.unsent_at is not None) == ("[unsent]", True)


async def test_an_edit_and_a_reaction_there_are_so_here(outside: Outside) -> None:
    there, tea = outside.there, await outside.there.somebody()
    await there.tell(f"people/{tea}/say", text="helo")
    (message,) = await heard(outside.inbox, f"{there.channel}:{tea}", "helo")
    await outside.client.send(message.conversation_id, "Hi!", channels=["all"])
    await there.until(tea, lambda texts: len(texts) == 1)
    await there.tell(f"people/{tea}/edit", text="hello")
    await there.tell(f"people/{tea}/react", emoji="❤️")

    async def are_changed() -> bool:
        found = (await outside.client.history(message.conversation_id)).items
        return [m.text for m in found] == ["hello", "Hi!"] and bool(found[1].reactions)

    await eventually(are_changed)


async def test_a_message_too_late_fails_with_the_reason(outside: Outside) -> None:
    there = outside.there
    ana, bo, conversation = await outside.chat.pair()
    tea, device = await outside.has_written(bo), await ana.connect()
    await there.tell(f"people/{tea}/wait", hours=25)
    await ana.client.send(conversation.conversation_id, "Are you there?", channels=[there.channel])
    await statuses(device, bo, there.channel, "FAILED")
    failed = await device.delivery(bo.name, there.channel)
    assert failed.error["code"] == "window_closed"
    assert await there.sent(tea) == []
