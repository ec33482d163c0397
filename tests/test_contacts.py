"""Somebody on two platforms: put together by an operator, written to as one person, and taken apart again."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.parley import Arrived, ParleyClient
from tests.command import Home
from tests.conftest import PASSWORD, Chat, Device
from tests.meta import There
from tests.operators import operator, router_url
from tests.outside import inbox, simulator
from tests.telegram import Telegram


@dataclass(frozen=True)
class Outside:
    """`inbox` is a device of who gets what people there write first; `home` a computer of an operator."""

    telegram: Telegram
    messenger: There
    client: ParleyClient
    inbox: Device
    home: Home

    async def heard(self, sender: str, text: str) -> Arrived:
        def found() -> list[Arrived]:
            return [m for m in self.inbox.messages if (m.sender, m.text) == (sender, text)]

        await self.inbox.until_so(lambda: bool(found()))
        return found()[0]


@pytest.fixture
async def outside(chat: Chat, tmp_path: Path) -> AsyncIterator[Outside]:
    home = Home(chat.stack, tmp_path)
    home.environment["PARLEY_OPERATORS_URL"] = router_url(chat)
    async with simulator(chat) as http, inbox(chat) as (client, device):
        op = await operator(chat, http)
        assert (await home.run("login", op.person.name, PARLEY_PASSWORD=PASSWORD)).code == 0
        yield Outside(Telegram(chat, http), There("messenger", chat, http), client, device, home)


def are(count: int) -> Callable[..., bool]:
    return lambda texts: len(texts) >= count


async def test_one_person_on_two_platforms_is_written_to_and_answers_as_one(outside: Outside) -> None:
    telegram, messenger, home = outside.telegram, outside.messenger, outside.home
    tea = str((await telegram.tell("people", {"first_name": "Tea"}))["id"])
    there = await messenger.somebody()
    one, other = f"telegram:{tea}", f"messenger:{there}"
    await telegram.tell(f"people/{tea}/say", {"text": "hi"})
    await messenger.tell(f"people/{there}/say", text="hello")
    conversation = (await outside.heard(one, "hi")).conversation_id
    of_other = (await outside.heard(other, "hello")).conversation_id

    preview = (await home.run("contacts", "merge", one, other, "--preview", "--json")).json
    assert (preview["outcome"], [o["code"] for o in preview["objections"]]) == ("preview", [])
    assert {c["conversation_id"] for c in preview["conversations"]} >= {conversation, of_other}
    assert len((await home.run("contacts", "show", one, "--json")).json["contacts"]) == 1
    merged = await home.run("contacts", "merge", one, other)
    assert (merged.code, "merged" in merged.out) == (0, True)

    await outside.client.send(conversation, "to both of you", channels=["all"])
    assert await telegram.until(tea, are(1)) == ["to both of you"]
    assert await messenger.until(there, are(1)) == ["to both of you"]
    await messenger.tell(f"people/{there}/say", text="it is me")
    assert (await outside.heard(one, "it is me")).conversation_id == conversation

    assert (await home.run("contacts", "unmerge", other)).out.startswith("unmerged")
    await messenger.tell(f"people/{there}/say", text="myself again")
    assert (await outside.heard(other, "myself again")).conversation_id == of_other
    await outside.client.send(conversation, "to one", channels=["all"])
    assert (await telegram.until(tea, are(2)))[1:] == ["to one"]
    assert [one["text"] for one in await messenger.sent(there)] == ["to both of you"]
    assert other in (await home.run("contacts", "list", "--channel", "messenger", "-n", "200")).out
