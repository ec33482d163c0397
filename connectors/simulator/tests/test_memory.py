"""What platforms still know after their process has ended, however it ended."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from connectors.simulator.app import simulator
from connectors.simulator.memory import MOST_PEOPLE, Memory
from connectors.simulator.settings import MetaAccount, Settings, WhatsAppNumber
from connectors.simulator.telegram import keeping
from connectors.simulator.tests import messaging, whatsapp
from connectors.simulator.tests.hook import Hook
from connectors.simulator.tests.scene import OTHER, TOKEN, Small

PAGE = MetaAccount(
    id=messaging.ACCOUNT, token=messaging.TOKEN, app_id=messaging.APP, app_secret=messaging.SECRET, name="Blue Shop"
)
ACCOUNTS: dict[str, Any] = {
    "telegram_tokens": (TOKEN,),
    "whatsapp_numbers": (WhatsAppNumber(id=whatsapp.NUMBER, token=whatsapp.TOKEN, app_secret=whatsapp.SECRET),),
    "messenger_accounts": (PAGE,),
    "instagram_accounts": (PAGE,),
}
CHANNELS = ("telegram", "whatsapp", "messenger", "instagram")


@dataclass(frozen=True)
class Platforms:
    url: str
    http: httpx.AsyncClient

    async def sim(self, path: str, **body: Any) -> Any:
        answer = await self.http.post(f"{self.url}/_sim/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def names(self, channel: str) -> list[str]:
        found = (await self.http.get(f"{self.url}/_sim/{channel}/people")).json()["items"]
        return [person["first_name"] for person in found]

    async def tell(self, channel: str, hook: Hook) -> None:
        """From now on the platform tells the hook."""
        match channel:
            case "telegram":
                await self.http.post(f"{self.url}/bot{TOKEN}/setWebhook", json={"url": hook.url, "secret_token": "s"})
            case "whatsapp":
                await whatsapp.Site(self.url, self.http).is_heard_by(hook)
            case "messenger" | "instagram":
                await messaging.Site(channel, self.url, self.http).is_heard_by(hook)


@asynccontextmanager
async def platforms(file: Path | None) -> AsyncIterator[Platforms]:
    settings = Settings(_env_file=None, port=0, memory_file=file, **ACCOUNTS)  # type: ignore[call-arg]
    async with simulator(settings) as door, httpx.AsyncClient(trust_env=False, timeout=20) as http:
        yield Platforms(door.url, http)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "simulator.json"


async def is_in(file: Path, words: str) -> None:
    async with asyncio.timeout(60):
        while words not in file.read_text():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_whoever_says_something_after_a_sudden_end_is_heard(channel: str, file: Path, hook: Hook) -> None:
    """The second begins while the first has not ended: all that it can know is what stands in the file by then."""
    async with platforms(file) as before:
        await before.tell(channel, hook)
        address = (await before.sim(f"phones/{channel}", name="ana"))["address"]
        await is_in(file, address)
        async with platforms(file) as after:
            await after.sim(f"phones/{channel}/{address}/say", text="Still there?")
            (heard, *_) = await hook.until_received(1)
    assert "Still there?" in json.dumps(heard.update)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_an_end_in_good_order_loses_nobody_and_nobody_new_is_taken_for_them(channel: str, file: Path) -> None:
    async with platforms(file) as before:
        ana = await before.sim(f"{channel}/people", first_name="ana")
        await before.sim(f"{channel}/people/ana/block")
    async with platforms(file) as after:
        bo = await after.sim(f"{channel}/people", first_name="bo")
        assert await after.names(channel) == ["ana", "bo"]
        found = (await after.http.get(f"{after.url}/_sim/{channel}/people")).json()["items"]
    assert found[0]["blocked"] != []
    assert ana["id"] != bo["id"]


async def test_accounts_that_were_added_are_still_there_with_their_webhooks(file: Path, hook: Hook) -> None:
    async with platforms(file) as before:
        await before.sim("telegram/bots", token=OTHER)
        await before.sim("whatsapp/accounts", id="2", token="EAAother", app_secret="another", number="15550001111")
        await before.http.post(f"{before.url}/bot{OTHER}/setWebhook", json={"url": hook.url})
        async with platforms(file) as after:
            bots = (await after.http.get(f"{after.url}/_sim/telegram/bots")).json()["items"]
            numbers = (await after.http.get(f"{after.url}/_sim/whatsapp/accounts")).json()["items"]
    assert [(bot["token"], bot["webhook"]) for bot in bots] == [(TOKEN, ""), (OTHER, hook.url)]
    assert [each["number"] for each in numbers] == ["15550783881", "15550001111"]


async def test_what_was_taken_back_stays_so(file: Path, hook: Hook) -> None:
    async with platforms(file) as before:
        await before.tell("telegram", hook)
        await before.http.post(f"{before.url}/bot{TOKEN}/deleteWebhook")
        async with platforms(file) as after:
            info = (await after.http.get(f"{after.url}/bot{TOKEN}/getWebhookInfo")).json()["result"]
    assert info["url"] == ""


async def test_a_reset_forgets_for_good(file: Path, hook: Hook) -> None:
    async with platforms(file) as before:
        await before.sim("messenger/people", first_name="ana")
        await before.tell("messenger", hook)
        await before.sim("reset")
        async with platforms(file) as after:
            accounts = (await after.http.get(f"{after.url}/_sim/messenger/accounts")).json()["items"]
            assert await after.names("messenger") == []
    assert [(each["webhook"], each["app_fields"]) for each in accounts] == [("", [])]


async def test_without_a_file_nothing_is_kept() -> None:
    async with platforms(None) as before:
        await before.sim("telegram/people", first_name="ana")
    async with platforms(None) as after:
        assert await after.names("telegram") == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"\xff": 1}', b'{"telegram": 7, "whatsapp": {"accounts": 1}}'])
async def test_a_file_that_cannot_be_read_is_as_none_and_the_next_one_is_whole(
    content: bytes, file: Path, hook: Hook
) -> None:
    file.write_bytes(content)
    async with platforms(file) as found:
        assert await found.names("telegram") == []
        await found.tell("telegram", hook)
    assert json.loads(file.read_text())["telegram"]["bots"][0]["webhook"]["url"] == hook.url


def test_the_file_is_for_its_owner_alone_and_nothing_lies_beside_it(file: Path) -> None:
    memory = Memory(file)
    memory.keep("telegram", dict)
    memory.write()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [*file.parent.iterdir()] == [file]


def test_where_it_cannot_be_written_the_platforms_go_on(file: Path) -> None:
    memory = Memory(file / "is no folder")
    memory.keep("telegram", dict)
    memory.write()
    assert memory.recall("telegram", dict) is None


def test_of_many_people_the_newest_are_kept(small: Small) -> None:
    for number in range(MOST_PEOPLE):
        small.people.add(f"p{number}")
    kept = keeping.tell(small.world).people
    assert (len(kept), kept[0].first_name, kept[-1].first_name) == (MOST_PEOPLE, "p0", f"p{MOST_PEOPLE - 1}")


def test_everything_of_a_bot_and_a_person_comes_back(small: Small, tmp_path: Path) -> None:
    small.bot.webhook.url, small.bot.webhook.secret_token = "https://example.test", "a-secret"
    small.bot.allowed = ("message",)
    small.people.block(small.ana, small.bot)
    written = msgspec.json.encode(keeping.tell(small.world))
    again = Small(tmp_path)
    keeping.go_on(again.world, msgspec.json.decode(written, type=keeping.Known))
    assert (again.bot.webhook, again.bot.allowed) == (small.bot.webhook, ("message",))
    assert again.world.people == small.world.people
