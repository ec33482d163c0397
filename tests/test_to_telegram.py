"""Messages that leave for Telegram: how they arrive, what their senders hear, and what goes on when something fails."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from clients.parley import Conversation
from clients.parley.objects import Delivery, MessageStatus
from tests.conftest import PATIENCE_S, Chat, Person
from tests.outside import simulator
from tests.telegram import Telegram

OUTAGE_S = 30


@pytest.fixture
async def telegram(chat: Chat) -> AsyncIterator[Telegram]:
    async with simulator(chat) as http:
        there = Telegram(chat, http)
        yield there
        await there.clear()
        await there.limits()


async def send(sender: Person, conversation: Conversation, *texts: str) -> list[str]:
    """One after the other, so that their order is known."""
    channels = ["telegram"]
    return [(await sender.client.send(conversation.conversation_id, t, channels=channels)).message_id for t in texts]


async def outcome(person: Person, message_id: str) -> MessageStatus:
    """Its status, once its delivery has come to an end."""
    async with asyncio.timeout(PATIENCE_S):
        while (status := await person.client.status(message_id)).deliveries[0].status == "QUEUED":
            await asyncio.sleep(0.1)
    return status


async def delivery(person: Person, message_id: str) -> Delivery:
    return (await outcome(person, message_id)).deliveries[0]


def numbered(count: int, word: str = "") -> list[str]:
    return [f"{word}{n}" for n in range(count)]


async def test_a_message_arrives_and_its_sender_hears_of_it(chat: Chat, telegram: Telegram) -> None:
    ana, bo, conversation = await chat.pair()
    address = await telegram.is_reached_by(bo)
    device = await ana.connect()
    (message_id,) = await send(ana, conversation, "hi")
    assert await telegram.until(address, lambda texts: len(texts) == 1) == ["hi"]
    found = await delivery(ana, message_id)
    assert (found.channel, found.status, found.status_ceiling, found.attempts) == ("telegram", "SENT", "SENT", 1)
    change = await device.delivery(bo.name, "telegram")
    assert (change.message_id, change.status, change.message_status) == (message_id, "SENT", "SENT")


async def test_what_does_not_fit_is_adapted_and_an_answer_points_at_what_it_answers(
    chat: Chat, telegram: Telegram
) -> None:
    ana, bo, conversation = await chat.pair()
    address = await telegram.is_reached_by(bo)
    place = {"type": "location", "latitude": 48.2, "longitude": 16.37, "name": "Wien"}
    message = await ana.client.send(conversation.conversation_id, payload=place, channels=["telegram"])
    await telegram.until(address, lambda texts: len(texts) == 2)
    await ana.client.send(conversation.conversation_id, "there", channels=["telegram"], reply_to=message.message_id)
    await telegram.until(address, lambda texts: len(texts) == 3)
    first, second, third = await telegram.sent(address)
    assert (first["kind"], second["text"], third["text"]) == ("location", "Wien", "there")
    assert third["reply_to"] == first["message_id"]


async def test_a_person_who_blocked_us_is_a_failure_at_once(chat: Chat, telegram: Telegram) -> None:
    ana, bo, conversation = await chat.pair()
    address = await telegram.is_reached_by(bo)
    await telegram.tell(f"people/{address}/block", {})
    (message_id,) = await send(ana, conversation, "hi")
    found = await delivery(ana, message_id)
    assert found.status == "FAILED"
    assert found.error
    assert found.error["code"] == "blocked"


async def test_two_conversations_to_one_address_stay_in_order_and_a_rate_is_kept(
    chat: Chat, telegram: Telegram
) -> None:
    """The platform is as strict as it says: more than its rate would be answered 429."""
    ana, bo, first = await chat.pair()
    cy = await chat.person("cy")
    second = await cy.client.open_conversation([bo.name])
    address = await telegram.is_reached_by(bo)
    await asyncio.gather(send(ana, first, *numbered(6, "a")), send(cy, second, *numbered(6, "c")))
    texts = await telegram.until(address, lambda texts: len(texts) == 12)
    assert [t for t in texts if t[0] == "a"] == numbered(6, "a")
    assert [t for t in texts if t[0] == "c"] == numbered(6, "c")


async def test_a_flood_wait_of_one_chat_holds_up_no_other(chat: Chat, telegram: Telegram) -> None:
    """It is longer than what waits in a lane, so it waits in MongoDB, and what comes later joins it there."""
    ana, bo, waiting = await chat.pair()
    cy = await chat.person("cy")
    flowing = await ana.client.open_conversation([cy.name])
    slow, quick = await telegram.is_reached_by(bo), await telegram.is_reached_by(cy)
    await telegram.fault("flood", chat=int(slow), seconds=33, times=1)
    held = await send(ana, waiting, *numbered(3))
    await send(ana, flowing, *numbered(3))
    assert await telegram.until(quick, lambda texts: len(texts) == 3) == numbered(3)
    assert await telegram.texts(slow) == []
    assert await telegram.until(slow, lambda texts: len(texts) >= 3) == numbered(3)
    found = [await delivery(ana, message_id) for message_id in held]
    assert [(d.status, d.attempts) for d in found] == [("SENT", 1)] * 3


async def test_what_was_sent_while_the_platform_is_down_arrives_afterwards_in_order_and_once(
    chat: Chat, telegram: Telegram
) -> None:
    pairs = [await chat.pair() for _ in range(4)]
    addresses = [await telegram.is_reached_by(bo) for _, bo, _ in pairs]
    await telegram.fault("refused", seconds=OUTAGE_S)
    for ana, _, conversation in pairs:
        await send(ana, conversation, *numbered(5))
    for address in addresses:
        assert await telegram.until(address, lambda texts: len(texts) >= 5) == numbered(5)


async def test_the_router_dies_in_the_middle_and_nothing_is_lost_or_doubled_without_saying_so(
    chat: Chat, telegram: Telegram
) -> None:
    """500 messages, of which many are under way at that moment."""
    await telegram.limits(enabled=False)
    ana = await chat.person("ana")
    people = [await chat.person("bo") for _ in range(25)]
    conversations = [await ana.client.open_conversation([bo.name]) for bo in people]
    addresses = [await telegram.is_reached_by(bo) for bo in people]
    await telegram.fault("delay", seconds=0.5)
    texts = numbered(20)
    sending = asyncio.gather(*(send(ana, conversation, *texts) for conversation in conversations))
    await telegram.until(addresses[0], lambda sent: len(sent) >= 3)
    chat.kill("router")
    for ids, address in zip(await sending, addresses, strict=True):
        arrived = await telegram.until(address, lambda sent: set(sent) == set(texts))
        assert _without_repeats(arrived) == texts
        doubled = {text for text, count in Counter(arrived).items() if count > 1}
        found = dict(zip(texts, [await delivery(ana, message_id) for message_id in ids], strict=True))
        assert doubled <= {text for text, d in found.items() if d.uncertain}
        assert {d.status for d in found.values()} == {"SENT"}


async def test_a_file_arrives_as_it_was(chat: Chat, telegram: Telegram, tmp_path: Path) -> None:
    ana, bo, conversation = await chat.pair()
    address = await telegram.is_reached_by(bo)
    (tmp_path / "größe.txt").write_bytes(b"content " * 1000)
    uploaded = await ana.client.files.upload(tmp_path / "größe.txt")
    payload = {"type": "file", "file_id": uploaded.file.file_id, "caption": "Look"}
    message = await ana.client.send(conversation.conversation_id, payload=payload, channels=["telegram"])
    assert (await delivery(ana, message.message_id)).status == "SENT"
    (entry,) = await telegram.sent(address)
    assert (entry["text"], entry["size"]) == ("Look", 8000)


def _without_repeats(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(texts))
