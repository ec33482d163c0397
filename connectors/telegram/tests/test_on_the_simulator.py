"""The channel and the simulator know nothing of each other, and meet over HTTP alone, as the channel meets Telegram."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest

from connectors import sdk
from connectors.exam.cases import Reply
from connectors.exam.platform import Platform, platform
from connectors.sdk import (
    Arrived,
    Attachment,
    Edited,
    Outbound,
    OutboundFile,
    Place,
    Pressed,
    Reach,
    Reacted,
    Refused,
    Text,
    Throttled,
    Unreachable,
)
from connectors.simulator.app import simulator
from connectors.simulator.settings import Settings as SimulatorSettings
from connectors.telegram import Settings, Telegram

TOKEN, SECRET = "700000001:a_token_of_tests", "a-secret-of-tests"
MIB = 1024 * 1024
PIECE = bytes(range(256)) * 256


@dataclass
class Scene:
    """`hook` is what stands at the address of our webhook."""

    bot: Telegram
    http: httpx.AsyncClient
    hook: Platform
    url: str

    async def sim(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        answer = await self.http.post(f"{self.url}/_sim/telegram/{path}", json=body or {}, params=query)
        answer.raise_for_status()
        return cast(dict[str, Any], answer.json())

    async def person(self, name: str, **more: Any) -> str:
        return str((await self.sim("people", {"first_name": name, **more}))["id"])

    async def log(self) -> list[dict[str, Any]]:
        answer = await self.http.get(f"{self.url}/_sim/telegram/log")
        return cast(list[dict[str, Any]], answer.json()["items"])

    async def until(self, condition: Callable[[list[sdk.Inbound]], bool]) -> list[sdk.Inbound]:
        """What the platform has told so far, once that is enough; each request verified and read."""
        async with asyncio.timeout(60):
            while not condition(self._told()):
                await asyncio.sleep(0.01)
        return self._told()

    def _told(self) -> list[sdk.Inbound]:
        requests = [sdk.WebhookRequest(seen.method, seen.headers, {}, seen.body) for seen in self.hook.seen]
        updates = [update for request in requests for update in self.bot.receive(request)]
        return [event for update in updates for event in self.bot.handle_webhook(update.body)]


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    async with simulator(SimulatorSettings(port=0, telegram_tokens=(TOKEN,))) as door:
        yield door.url


@pytest.fixture
async def scene(url: str) -> AsyncIterator[Scene]:
    """A platform on which nothing has happened yet."""
    settings = Settings(token=TOKEN, webhook_secret=SECRET, base_url=url, timeout_s=30)
    async with platform([Reply()] * 100) as hook, httpx.AsyncClient(trust_env=False, timeout=60) as http:
        await http.post(f"{url}/_sim/reset")
        made = Scene(Telegram(http, settings), http, hook, url)
        await made.bot.connect(hook.url)
        yield made


def text(address: str, words: str = "hi", reply_to: str | None = None) -> Outbound:
    return Outbound("m1", address, Text(words), reply_to)


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield PIECE


async def test_a_conversation_with_replies_both_ways(scene: Scene) -> None:
    ana = await scene.person("Ana")
    await scene.sim(f"people/{ana}/say", {"text": "Are you there?"})
    (asked,) = await scene.until(lambda told: len(told) == 1)
    assert isinstance(asked, Arrived)
    assert (asked.address, asked.sender.name, asked.content) == (ana, "Ana", Text("Are you there?"))
    sent = await scene.bot.send_message(text(ana, "Yes!", reply_to=asked.external_id))
    number = int(sent.external_ids[0].partition("/")[2])
    await scene.sim(f"people/{ana}/say", {"text": "Good", "reply_to": number})
    _, answer = await scene.until(lambda told: len(told) == 2)
    assert isinstance(answer, Arrived)
    assert answer.reply_to == sent.external_ids[0]
    assert [(e["text"], e.get("reply_to")) for e in await scene.log() if "text" in e] == [
        ("Are you there?", None),
        ("Yes!", int(asked.external_id.partition("/")[2])),
        ("Good", number),
    ]


async def test_connecting_names_the_bot_and_disconnecting_ends_the_updates(scene: Scene) -> None:
    account = await scene.bot.connect(scene.hook.url)
    assert (account.id, account.title) == ("700000001", "Parley")
    await scene.bot.disconnect()
    (bot,) = (await scene.http.get(f"{scene.url}/_sim/telegram/bots")).json()["items"]
    assert bot["webhook"] == ""


async def test_a_place_is_sent_and_received(scene: Scene) -> None:
    ana = await scene.person("Ana")
    await scene.bot.send_message(Outbound("m1", ana, Place(48.2082, 16.3738)))
    await scene.sim(f"people/{ana}/say", {"location": [48.2082, 16.3738]})
    (arrived,) = await scene.until(lambda told: len(told) == 1)
    assert isinstance(arrived, Arrived)
    assert arrived.content == Place(48.2082, 16.3738)


async def test_a_file_of_the_greatest_size_arrives_as_it_was(scene: Scene) -> None:
    ana, count = await scene.person("Ana"), 50 * MIB // len(PIECE)
    file = OutboundFile("m1", ana, "größe.bin", "application/x-test", 50 * MIB, caption="Look")
    sent = await scene.bot.send_file(file, pieces(count))
    (entry,) = [e for e in await scene.log() if e.get("text") == "Look"]
    assert sent.external_ids == (f"{ana}/{entry['message_id']}",)
    assert hashlib.sha256(PIECE * count).hexdigest() in str(entry)


async def test_a_file_one_byte_larger_is_refused(scene: Scene) -> None:
    ana, count = await scene.person("Ana"), 50 * MIB // len(PIECE) + 1
    with pytest.raises(Refused) as caught:
        await scene.bot.send_file(OutboundFile("m1", ana, "a.bin", "a/b", count * len(PIECE)), pieces(count))
    assert caught.value.code == "too_large"


async def test_a_file_of_theirs_is_read_as_it_was_sent(scene: Scene) -> None:
    ana, content = await scene.person("Ana"), PIECE * 40
    url = f"{scene.url}/_sim/telegram/people/{ana}/file"
    query = {"filename": "menu.pdf", "caption": "Today"}
    await scene.http.post(url, content=content, headers={"content-type": "application/pdf"}, params=query)
    (arrived,) = await scene.until(lambda told: len(told) == 1)
    assert isinstance(arrived, Arrived)
    assert isinstance(arrived.content, Attachment)
    found = arrived.content
    assert (found.filename, found.content_type, found.size) == ("menu.pdf", "application/pdf", len(content))
    _, read = await scene.bot.open_file(found.ref)
    assert b"".join([piece async for piece in read]) == content


async def test_a_file_of_theirs_that_is_too_large_for_bots_is_refused(scene: Scene) -> None:
    ana = await scene.person("Ana")
    await scene.sim(f"people/{ana}/file", filename="film.mkv", size=20 * MIB + 1)
    (arrived,) = await scene.until(lambda told: len(told) == 1)
    assert isinstance(arrived, Arrived)
    assert isinstance(arrived.content, Attachment)
    with pytest.raises(Refused) as caught:
        await scene.bot.open_file(arrived.content.ref)
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("kind", ["text", "file"])
async def test_a_group_that_moves_is_followed_and_its_new_address_told(scene: Scene, kind: str) -> None:
    await scene.person("Ana")
    group = str((await scene.sim("groups", {"title": "Lunch", "supergroup": False, "members": ["Ana"]}))["id"])
    before = await scene.bot.send_message(text(group))
    moved = str((await scene.sim(f"groups/{group}/migrate"))["id"])
    if kind == "text":
        sent = await scene.bot.send_message(text(group, "still there?", reply_to=before.external_ids[0]))
    else:
        sent = await scene.bot.send_file(OutboundFile("m1", group, "a.bin", "a/b", len(PIECE)), pieces(1))
    assert (before.address, sent.address) == (None, moved)
    assert sent.external_ids[0].startswith(f"{moved}/")
    assert (await scene.bot.send_message(text(moved))).address is None


async def test_whoever_blocks_the_bot_is_told_of_and_gets_nothing(scene: Scene) -> None:
    ana = await scene.person("Ana")
    await scene.sim(f"people/{ana}/block")
    with pytest.raises(Refused) as caught:
        await scene.bot.send_message(text(ana))
    assert caught.value.code == "blocked"
    await scene.sim(f"people/{ana}/unblock")
    await scene.bot.send_message(text(ana))
    told = await scene.until(lambda told: len(told) == 2)
    assert [(type(e), e.address, e.can_be_reached) for e in told if isinstance(e, Reach)] == [
        (Reach, ana, False),
        (Reach, ana, True),
    ]


async def test_each_refusal_has_its_code(scene: Scene) -> None:
    stranger = await scene.person("Bo", started=False)
    gone = await scene.person("Cho")
    await scene.sim(f"people/{gone}/deactivate")
    await scene.person("Ana")
    members = {"title": "Lunch", "members": ["Ana"], "bot_is": "kicked"}
    group = str((await scene.sim("groups", members))["id"])
    found = {}
    for name, address in {"stranger": stranger, "gone": gone, "nobody": "4711", "group": group}.items():
        with pytest.raises(Refused) as caught:
            await scene.bot.send_message(text(address))
        found[name] = caught.value.code
    assert found == {"stranger": "not_found", "gone": "gone", "nobody": "not_found", "group": "removed"}


async def test_a_token_that_is_not_valid_is_told_at_once(scene: Scene) -> None:
    other = Settings(token="700000001:another_token", webhook_secret=SECRET, base_url=scene.url)
    with pytest.raises(Refused) as caught:
        await Telegram(scene.http, other).connect(scene.hook.url)
    assert caught.value.code == "unauthorized"


async def test_edits_and_reactions_arrive(scene: Scene) -> None:
    ana = await scene.person("Ana")
    members = {"title": "Lunch", "members": ["Ana"], "bot_is": "administrator"}
    group = str((await scene.sim("groups", members))["id"])
    said = await scene.sim(f"people/{ana}/say", {"text": "helo", "chat": int(group)})
    at = {"chat": int(group), "message_id": said["message_id"]}
    await scene.sim(f"people/{ana}/edit", {**at, "text": "hello"})
    await scene.sim(f"people/{ana}/react", {**at, "emoji": "👍"})
    told = await scene.until(lambda told: isinstance(told[-1], Reacted) if told else False)
    external_id = f"{group}/{said['message_id']}"
    (edited,) = [e for e in told if isinstance(e, Edited)]
    (reacted,) = [e for e in told if isinstance(e, Reacted)]
    assert (edited.external_id, edited.content) == (external_id, Text("hello"))
    assert (reacted.external_id, reacted.reactions, reacted.sender.value) == (external_id, ("👍",), ana)


async def test_a_press_is_answered_once(scene: Scene) -> None:
    ana = await scene.person("Ana")
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "yes"}]]}
    asked = {"chat_id": int(ana), "text": "Coming?", "reply_markup": keyboard}
    await scene.http.post(f"{scene.url}/bot{TOKEN}/sendMessage", json=asked)
    await scene.sim(f"people/{ana}/press")
    (pressed,) = await scene.until(lambda told: len(told) == 1)
    assert isinstance(pressed, Pressed)
    assert pressed.answer is not None
    await scene.bot.answer_press(pressed.answer)
    with pytest.raises(Refused):
        await scene.bot.answer_press(pressed.answer)


async def test_a_flood_wait_is_told_for_its_chat_alone(scene: Scene) -> None:
    ana, bo = await scene.person("Ana"), await scene.person("Bo")
    await scene.sim("faults", {"kind": "flood", "chat": int(ana), "seconds": 7})
    with pytest.raises(Throttled) as caught:
        await scene.bot.send_message(text(ana))
    assert caught.value.after_s == 7
    await scene.bot.send_message(text(bo))


@pytest.mark.parametrize("kind", ["reset", "error", "lost"])
async def test_a_call_that_goes_wrong_may_be_tried_again_and_may_have_been_done(scene: Scene, kind: str) -> None:
    ana = await scene.person("Ana")
    await scene.sim("faults", {"kind": kind, "times": 1})
    with pytest.raises(Unreachable) as caught:
        await scene.bot.send_message(text(ana))
    assert caught.value.uncertain
    await scene.bot.send_message(text(ana))


async def test_an_update_that_comes_twice_is_told_apart_by_its_id(scene: Scene) -> None:
    ana = await scene.person("Ana")
    await scene.sim("faults", {"kind": "double"})
    await scene.sim(f"people/{ana}/say", {"text": "hi"})
    first, second = await scene.until(lambda told: len(told) == 2)
    assert first == second
