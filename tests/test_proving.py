"""Proving an address on a platform: a code arrives there, and until it comes back nothing is anybody's."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clients.parley import ParleyClient
from tests.command import Home
from tests.conftest import PASSWORD, Chat
from tests.outside import simulator
from tests.processes import one_more
from tests.telegram import Telegram

NOT_PROVEN = "no_address"


@pytest.fixture
async def there(chat: Chat) -> AsyncIterator[Telegram]:
    async with simulator(chat) as http:
        yield Telegram(chat, http)


async def test_a_code_makes_an_address_ones_own_and_nothing_else_does(
    chat: Chat, there: Telegram, tmp_path: Path
) -> None:
    ana, bo, conversation = await chat.pair()
    tea = str((await there.tell("people", {"first_name": "Tea"}))["id"])
    async with one_more(chat.stack, "auth", verify_addresses="true") as auth:
        await auth.is_ready()
        async with ParleyClient(auth.url, access_token=bo.client.access_token) as strict:
            claimed = await strict.map_channel("telegram", tea)
            assert (claimed.verified, claimed.in_use) == (False, False)
            (notice,) = await there.until(tea, lambda texts: len(texts) == 1)
    device = await ana.connect()
    await ana.client.send(conversation.conversation_id, "too early", channels=["telegram"])
    refused = await device.delivery(bo.name, "telegram")
    assert (refused.status, (refused.error or {}).get("code")) == ("FAILED", NOT_PROVEN)

    home = Home(chat.stack, tmp_path)
    assert (await home.run("login", bo.name, PARLEY_PASSWORD=PASSWORD)).code == 0
    assert "not proven yet" in (await home.run("whoami")).out
    (code,) = re.findall(r"\b[0-9]{6}\b", notice)
    proven = await home.run("verify", "telegram", code)
    assert proven.out == f"{bo.name} is reached here and at telegram {tea}\n"

    async def reached() -> bool:
        sent = await ana.client.send(conversation.conversation_id, "now", channels=["telegram"])
        while (delivery := (await ana.client.status(sent.message_id)).deliveries[0]).status == "QUEUED":
            await asyncio.sleep(0.1)
        return delivery.error is None

    while not await reached():  # the router hears of it in a moment
        pass
    assert (await there.until(tea, lambda texts: "now" in texts))[1:] == ["now"]
    assert [m.text for m in device.messages if m.sender == bo.name] == []
