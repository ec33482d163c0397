"""A message to other channels, from the call to what its people see of it."""

import asyncio
import secrets
from collections.abc import Callable

import pytest

from clients.parley import ProblemError
from clients.parley.objects import MessageStatus
from libs.common.tests.stopping import standing_still
from tests.conftest import Chat, Person
from tests.mapped import mapped


async def send(sender: Person, conversation_id: str, *channels: str) -> str:
    return (await sender.client.send(conversation_id, "hi", channels=list(channels))).message_id


def outcome(status: MessageStatus) -> list[tuple[str, str, str | None]]:
    return [(d.channel, d.status, d.error["code"] if d.error else None) for d in status.deliveries]


async def test_whom_a_channel_has_no_address_of_fails_clearly_and_the_sender_sees_it(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    device = await ana.connect()
    message_id = await send(ana, conversation.conversation_id, "whatsapp")
    change = await device.delivery(bo.name, "whatsapp")
    status = await ana.client.status(message_id)
    assert (status.status, outcome(status)) == ("FAILED", [("whatsapp", "FAILED", "no_address")])
    assert [h.status for h in status.status_history] == ["ACCEPTED", "SENT", "FAILED"]
    assert (change.message_id, change.sequence_number) == (message_id, 1)
    assert (change.status, change.message_status, change.error["code"]) == (
        "FAILED",
        "FAILED",
        "no_address",
    )


async def test_everybody_sees_it_and_no_receipt_makes_it_delivered(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    device = await bo.connect(acknowledges=True)
    message_id = await send(ana, conversation.conversation_id, "instagram")
    await device.until(1)
    await device.receipt(bo.name, "DELIVERED", 1)
    await until_status(ana, message_id, lambda s: outcome(s)[-1][1] == "FAILED")
    assert device.messages[0].channels == ("instagram",)
    history = await bo.client.history(conversation.conversation_id)
    assert [(m.message_id, m.channels, m.status) for m in history.items] == [(message_id, ("instagram",), "FAILED")]
    listed = (await ana.client.conversations()).items[0].last_message
    assert listed
    assert listed.status == "FAILED"


async def test_internal_beside_a_failed_channel_is_delivered_and_read(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    device = await bo.connect()
    watching = await ana.connect()
    message_id = await send(ana, conversation.conversation_id, "internal", "whatsapp")
    await device.until(1)
    assert (await watching.delivery(bo.name, "whatsapp")).message_status == "SENT"
    assert (await ana.client.status(message_id)).status == "SENT"
    device.socket.read(conversation.conversation_id, 1)
    await watching.receipt(bo.name, "READ", 1)
    status = await ana.client.status(message_id)
    assert status.status == "READ"
    assert outcome(status) == [("internal", "READ", None), ("whatsapp", "FAILED", "no_address")]


async def test_a_message_that_waited_says_at_log_in_what_became_of_it(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    for channel, status in (("whatsapp", "FAILED"), ("internal", "SENT")):
        message_id = await send(ana, conversation.conversation_id, channel)
        await until_status(ana, message_id, lambda s, status=status: s.status == status)  # type: ignore[misc]
    device = await bo.connect()
    await device.caught_up()
    assert [m.status for m in device.messages] == ["FAILED", "SENT"]


async def test_all_is_what_the_recipient_has_mapped_and_internal(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    await mapped(chat, bo.name, "instagram", "47110")
    message_id = await send(ana, conversation.conversation_id, "all")
    await until_status(ana, message_id, lambda s: [d.status for d in s.deliveries] == ["SENT", "FAILED"])
    assert outcome(await ana.client.status(message_id)) == [
        ("internal", "SENT", None),
        ("instagram", "FAILED", "window_closed"),
    ]
    shown = (await bo.client.history(conversation.conversation_id)).items[-1]
    assert shown.channels == ("internal", "instagram")
    assert "47110" not in str(shown)


async def test_a_conversation_shows_who_may_be_written_to_where_a_channel_closes(chat: Chat) -> None:
    ana, bo, conversation = await chat.pair()
    for channel, address in (("messenger", secrets.token_hex(3)), ("telegram", secrets.token_hex(3))):
        await mapped(chat, bo.name, channel, address)
    async with asyncio.timeout(60):
        while not (windows := (await ana.client.conversation(conversation.conversation_id)).windows):
            await asyncio.sleep(0.1)
    assert [(w.recipient, w.channel, w.open, w.expires_at) for w in windows] == [(bo.name, "messenger", False, None)]


@pytest.mark.parametrize("channels", [["fax"], ["internal", "Internal"], []])
async def test_unknown_channels_are_refused(chat: Chat, channels: list[str]) -> None:
    ana, _, conversation = await chat.pair()
    with pytest.raises(ProblemError) as caught:
        await send(ana, conversation.conversation_id, *channels)
    assert caught.value.status == 422


async def test_internal_messages_flow_while_etcd_is_away_and_the_rest_follows(chat: Chat) -> None:
    """The router starts anew, and hears nothing of who can be reached."""
    ana, bo, conversation = await chat.pair()
    device = await bo.connect()
    with standing_still(chat.processes.pid_of("etcd")):
        chat.kill("router")
        waiting = await send(ana, conversation.conversation_id, "all", "whatsapp")
        await ana.client.send(conversation.conversation_id, "internal")
        await device.until(2)
        assert (await ana.client.status(waiting)).status == "SENT"
    await until_status(ana, waiting, lambda s: outcome(s)[-1] == ("whatsapp", "FAILED", "no_address"))


async def until_status(person: Person, message_id: str, condition: Callable[[MessageStatus], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition(await person.client.status(message_id)):
            await asyncio.sleep(0.1)
