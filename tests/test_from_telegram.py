"""Conversations with people on Telegram, both ways: what they say arrives on sockets here, whatever happens between."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from clients.parley import Arrived, ParleyClient
from libs.common.events import INBOUND_QUARANTINE, InboundEvent, decode
from tests.conftest import PATIENCE_S, Chat, Device, until
from tests.outside import eventually, heard, inbox, simulator
from tests.telegram import Json, Telegram


@dataclass(frozen=True)
class Outside:
    """`inbox` is a device of who gets what people there write first."""

    chat: Chat
    there: Telegram
    client: ParleyClient
    inbox: Device

    async def somebody(self) -> str:
        made = await self.there.tell("people", {"first_name": f"Tea-{secrets.token_hex(3)}"})
        return str(made["id"])

    async def heard_so_far(self, sender: str, count: int) -> list[Arrived]:
        """Also while routers and files start again."""

        def found() -> list[Arrived]:
            return [m for m in self.inbox.messages if m.sender == sender]

        await until(lambda: len(found()) >= count)
        return found()

    async def downloaded(self, file_id: str) -> bytes:
        """By who has it from the conversation alone."""
        file = await self.client.files.get(file_id)
        assert file.download_url is not None
        return (await self.there.http.get(file.download_url)).content

    async def say(self, who: str, text: str, reply_to: int | None = None) -> int:
        """Its number there."""
        said = await self.there.tell(f"people/{who}/say", {"text": text, "reply_to": reply_to})
        return int(said["message_id"])


@pytest.fixture
async def outside(chat: Chat) -> AsyncIterator[Outside]:
    async with simulator(chat) as http, inbox(chat) as (client, device):
        there = Telegram(chat, http)
        yield Outside(chat, there, client, device)
        await there.clear()


async def test_who_writes_first_comes_to_the_inbox_in_order_and_once_and_gets_an_answer(outside: Outside) -> None:
    tea = await outside.somebody()
    await outside.there.fault("double", chat=int(tea))
    for text in ("one", "two", "three"):
        number = await outside.say(tea, text)
    last = (await heard(outside.inbox, f"telegram:{tea}", "one", "two", "three"))[-1]
    await outside.client.send(last.conversation_id, "four", channels=["all"], reply_to=last.message_id)
    assert await outside.there.until(tea, lambda texts: len(texts) == 1) == ["four"]
    (sent,) = await outside.there.sent(tea)
    assert sent["reply_to"] == number


async def test_a_conversation_with_replies_both_ways(outside: Outside) -> None:
    ana, bo, conversation = await outside.chat.pair()
    tea = await outside.there.is_reached_by(bo)
    device = await ana.connect()
    asked = await ana.client.send(conversation.conversation_id, "Are you there?", channels=["telegram"])
    await outside.there.until(tea, lambda texts: len(texts) == 1)
    assert (await device.delivery(bo.name, "telegram")).status == "SENT"
    (arrived,) = await outside.there.sent(tea)
    number = await outside.say(tea, "Yes!", reply_to=arrived["message_id"])
    (yes,) = await heard(device, bo.name, "Yes!")
    assert (yes.conversation_id, yes.reply_to) == (conversation.conversation_id, asked.message_id)
    await ana.client.send(conversation.conversation_id, "Good.", channels=["telegram"], reply_to=yes.message_id)
    await outside.there.until(tea, lambda texts: len(texts) == 2)
    assert (await outside.there.sent(tea))[-1]["reply_to"] == number
    await outside.say(tea, "Bye")
    assert (await heard(device, bo.name, "Yes!", "Bye"))[-1].conversation_id == conversation.conversation_id


async def test_an_edit_there_is_an_edit_here(outside: Outside) -> None:
    tea = await outside.somebody()
    number = await outside.say(tea, "helo")
    (message,) = await heard(outside.inbox, f"telegram:{tea}", "helo")
    await outside.there.tell(f"people/{tea}/edit", {"message_id": number, "text": "hello"})

    async def is_edited() -> bool:
        return (await outside.client.message(message.message_id)).text == "hello"

    await eventually(is_edited)


async def test_a_button_that_is_pressed_there_is_answered(outside: Outside) -> None:
    tea = await outside.somebody()
    token = outside.chat.stack.channels["telegram"]["main"]["token"]
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "yes"}]]}
    asked = {"chat_id": int(tea), "text": "Coming?", "reply_markup": keyboard}
    (await outside.there.http.post(f"/bot{token}/sendMessage", json=asked)).raise_for_status()
    before = await answers(outside)
    await outside.there.tell(f"people/{tea}/press", {})

    async def is_answered() -> bool:
        return await answers(outside) > before

    await eventually(is_answered)


async def answers(outside: Outside) -> int:
    counts = (await outside.there.http.get("/_sim/telegram/counts")).json()
    return int(counts["calls"].get("answerCallbackQuery 200", 0))


async def test_what_comes_while_kafka_is_away_is_told_again_by_the_platform(outside: Outside) -> None:
    tea = await outside.somebody()
    async with outside.chat.hanging("kafka"):
        await outside.say(tea, "Are you there?")
        assert (await tell(outside, {"update_id": 1})).status_code == 503
    await heard(outside.inbox, f"telegram:{tea}", "Are you there?")


async def test_a_file_from_there_is_a_file_here_whoever_dies_and_holds_up_nobody_else(outside: Outside) -> None:
    tea, cho, content = await outside.somebody(), await outside.somebody(), secrets.token_bytes(300_000)
    await outside.say(tea, "one")
    await heard(outside.inbox, f"telegram:{tea}", "one")
    async with outside.chat.stopped("files"):
        await outside.there.send_file(tea, content, "menu.bin", "Today")
        await outside.say(tea, "two")
        await outside.say(cho, "hello")
        await heard(outside.inbox, f"telegram:{cho}", "hello")
        outside.chat.kill("router")
        await outside.say(cho, "again")
        await outside.heard_so_far(f"telegram:{cho}", 2)
    one, menu, two = await outside.heard_so_far(f"telegram:{tea}", 3)
    assert (one.text, two.text) == ("one", "two")
    assert menu.sequence_number == one.sequence_number + 1 == two.sequence_number - 1
    assert menu.file is not None
    assert (menu.file.filename, menu.file.size, menu.file.caption) == ("menu.bin", len(content), "Today")
    assert await outside.downloaded(menu.file.file_id) == content


async def test_poison_is_quarantined_and_what_came_with_it_goes_on(outside: Outside) -> None:
    tea = await outside.somebody()
    chat = {"id": int(tea), "type": "private"}
    mark = secrets.token_hex(8)
    poison = {"update_id": 1, "message": {"message_id": mark, "chat": chat}}
    assert (await tell(outside, poison, proven=False)).status_code == 401
    assert (await tell(outside, poison)).status_code == 200
    await outside.say(tea, "Never mind.")
    await heard(outside.inbox, f"telegram:{tea}", "Never mind.")
    async with asyncio.timeout(PATIENCE_S):
        while not (letters := [letter async for letter in quarantined(outside.chat, mark)]):
            pass
    (letter,) = letters
    assert dict(letter.headers)["dlq_reason"] == b"unreadable"


async def tell(outside: Outside, update: Json, *, proven: bool = True) -> httpx.Response:
    """What the platform itself would send."""
    secret = outside.chat.stack.channels["telegram"]["main"]["webhook_secret"]
    proof = {"X-Telegram-Bot-Api-Secret-Token": secret if proven else "another"}
    hook = f"{outside.chat.stack.gateway_url}/v1/channels/telegram/main/webhook"
    return await outside.there.http.post(hook, json=update, headers=proof, timeout=60)


async def quarantined(chat: Chat, marked: str) -> AsyncIterator[ConsumerRecord]:
    """Those in whose update these words stand: from the first to the last that there is now."""
    consumer = AIOKafkaConsumer(INBOUND_QUARANTINE, bootstrap_servers=chat.stack.kafka, auto_offset_reset="earliest")
    async with consumer:
        for partition, end in (await consumer.end_offsets(consumer.assignment())).items():
            while await consumer.position(partition) < end:
                letter = await consumer.getone(partition)
                if marked.encode() in decode(InboundEvent, letter.value).body:
                    yield letter
