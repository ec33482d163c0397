"""Conversations with people on WhatsApp, both ways, and how far messages have come there."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import httpx
import pytest

from clients.parley.frames import DeliveryChanged
from tests.conftest import PATIENCE_S, Chat, Device, Person
from tests.outside import Outside, heard, outside_on

CHANNEL = "whatsapp"


@pytest.fixture
async def outside(chat: Chat) -> AsyncIterator[Outside]:
    async with outside_on(CHANNEL, chat) as outside:
        yield outside


def told(device: Device, person: Person, message_id: str) -> list[str]:
    """What the sender's socket was told of this delivery, in order."""
    changes = [e for e in device.events if isinstance(e, DeliveryChanged)]
    return [c.status for c in changes if (c.recipient, c.channel, c.message_id) == (person.name, CHANNEL, message_id)]


async def test_a_conversation_both_ways_with_delivered_and_read_on_the_senders_socket(outside: Outside) -> None:
    there = outside.there
    ana, bo, conversation = await outside.chat.pair()
    tea, device = await outside.has_written(bo), await ana.connect()
    asked = await ana.client.send(conversation.conversation_id, "Are you there?", channels=[CHANNEL])
    await device.until_so(lambda: told(device, bo, asked.message_id)[-1:] == ["DELIVERED"])
    await there.tell(f"people/{tea}/read")
    await device.until_so(lambda: told(device, bo, asked.message_id)[-1:] == ["READ"])
    change = await device.delivery(bo.name, CHANNEL)
    assert (change.message_id, change.message_status) == (asked.message_id, "READ")
    said = await there.tell(f"people/{tea}/say", text="Yes!", reply_to="last")
    (yes,) = await heard(device, bo.name, "Yes!")
    assert (yes.conversation_id, yes.reply_to) == (conversation.conversation_id, asked.message_id)
    await ana.client.send(conversation.conversation_id, "Good.", channels=[CHANNEL], reply_to=yes.message_id)
    await there.until(tea, lambda texts: len(texts) == 2)
    assert (await there.sent(tea))[-1]["reply_to"] == said["message_id"]


async def test_statuses_that_come_doubled_late_and_mixed_only_rise(outside: Outside) -> None:
    there = outside.there
    ana, bo, conversation = await outside.chat.pair()
    tea, device = await outside.has_written(bo), await ana.connect()
    for kind in ("double", "disorder"):
        await there.fault(kind, tea, seconds=2)
    sent = [await ana.client.send(conversation.conversation_id, f"{n}", channels=[CHANNEL]) for n in range(5)]
    await there.until(tea, lambda texts: len(texts) == 5)
    await there.tell(f"people/{tea}/read")
    for message in sent:
        await device.until_so(lambda m=message: told(device, bo, m.message_id)[-1:] == ["READ"])  # type: ignore[misc]
    ranks = ["SENT", "DELIVERED", "READ"]
    for message in sent:
        seen = [ranks.index(status) for status in told(device, bo, message.message_id)]
        assert seen == sorted(seen)
        assert (await ana.client.status(message.message_id)).status == "READ"


async def test_somebody_without_a_number_is_answered_by_their_user_id(outside: Outside) -> None:
    there, name = outside.there, f"Pablo-{secrets.token_hex(3)}"
    pablo = str((await there.tell("people", first_name=name, username=name.lower()))["id"])
    said = await there.tell(f"people/{pablo}/say", text="Hola")
    (hola,) = await heard(outside.inbox, f"{CHANNEL}:{pablo}", "Hola")
    answer = await outside.client.send(hola.conversation_id, "Hi!", channels=["all"], reply_to=hola.message_id)
    assert await there.until(pablo, lambda texts: len(texts) == 1) == ["Hi!"]
    assert (await there.sent(pablo))[0]["reply_to"] == said["message_id"]

    async def is_delivered() -> bool:
        return (await outside.client.status(answer.message_id)).status == "DELIVERED"

    async with asyncio.timeout(PATIENCE_S):
        while not await is_delivered():
            await asyncio.sleep(0.1)


async def test_a_window_that_was_closed_is_told_afterwards_with_its_reason(outside: Outside) -> None:
    there = outside.there
    ana, bo, conversation = await outside.chat.pair()
    tea, device = await outside.has_written(bo), await ana.connect()
    await there.tell(f"people/{tea}/wait", hours=25)
    message = await ana.client.send(conversation.conversation_id, "Are you there?", channels=[CHANNEL])
    await device.until_so(lambda: told(device, bo, message.message_id)[-1:] == ["FAILED"])
    failed = await device.delivery(bo.name, CHANNEL)
    assert failed.error["code"] == "window_closed"


async def test_the_webhook_is_the_numbers_own_and_takes_nothing_without_proof(outside: Outside) -> None:
    (number,) = (await outside.there.http.get(f"/_sim/{CHANNEL}/accounts")).json()["items"]
    assert number["webhook"].endswith(f"/v1/channels/{CHANNEL}/main/webhook")
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        forged = await http.post(number["webhook"], json={"object": "whatsapp_business_account", "entry": []})
        asked = {"hub.mode": "subscribe", "hub.verify_token": "a-guess", "hub.challenge": "1"}
        guessed = await http.get(number["webhook"], params=asked)
    assert (forged.status_code, guessed.status_code) == (401, 401)
