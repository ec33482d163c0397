"""A phone for everybody: what stands on it is what the platform has, and what is done there is done on the platform."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from connectors.simulator.app import simulator
from connectors.simulator.phones.routes import PAGE
from connectors.simulator.settings import MetaAccount, Settings, WhatsAppNumber
from connectors.simulator.tests.hook import Hook, status
from connectors.simulator.tests.messaging import ACCOUNT, APP, SECRET, TOKEN, Platform, Site

BOT = "77:a-token-for-tests"
NUMBER = "106540352242922"
CHANNELS = ("telegram", "whatsapp", "messenger", "instagram")
Json = dict[str, Any]


class Desk:
    """Phones side by side, and the accounts that write to them."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url
        self.http = http

    async def ask(self, path: str, **body: Any) -> Json:
        url = f"{self.url}/_sim/phones{path}"
        answer = await (self.http.post(url, json=body) if body else self.http.get(url))
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def add(self, channel: str, name: str = "ana") -> str:
        """Where it is: below the phones."""
        return f"/{channel}/{(await self.ask(f'/{channel}', name=name))['address']}"

    async def bubbles(self, phone: str) -> list[Json]:
        return list((await self.ask(phone))["items"])

    async def unread(self, phone: str) -> int:
        items = (await self.ask(""))["items"]
        return next(int(i["unread"]) for i in items if phone == f"/{i['channel']}/{i['address']}")

    async def receive(self, phone: str, text: str, *buttons: str) -> None:
        """Our account writes there."""
        _, channel, address = phone.split("/")
        if channel == "telegram":
            keys = [[{"text": b, "callback_data": b.lower()}] for b in buttons]
            markup = {"reply_markup": {"inline_keyboard": keys}} if keys else {}
            await self.http.post(
                f"{self.url}/bot{BOT}/sendMessage", json={"chat_id": int(address), "text": text, **markup}
            )
            return
        if channel == "whatsapp":
            await self.call_whatsapp(address, text, buttons)
            return
        replies = [{"content_type": "text", "title": b, "payload": b.lower()} for b in buttons]
        quick = {"quick_replies": replies} if replies else {}
        body = {"recipient": {"id": address}, "messaging_type": "RESPONSE", "message": {"text": text, **quick}}
        there = f"{self.url}/{channel}/v25.0/me/messages"
        assert (await self.http.post(there, json=body, headers={"authorization": f"Bearer {TOKEN}"})).is_success

    async def call_whatsapp(self, address: str, text: str, buttons: tuple[str, ...] = ()) -> None:
        replies = [{"type": "reply", "reply": {"id": b.lower(), "title": b}} for b in buttons]
        asked = {"type": "button", "body": {"text": text}, "action": {"buttons": replies}}
        content = {"type": "interactive", "interactive": asked} if buttons else {"type": "text", "text": {"body": text}}
        head = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": address}
        await self.call_number("/messages", {**head, **content})

    async def call_number(self, path: str, body: Json) -> None:
        there = f"{self.url}/whatsapp/v25.0/{NUMBER}{path}"
        answer = await self.http.post(there, json=body, headers={"authorization": f"Bearer {TOKEN}"})
        assert answer.is_success, answer.text

    async def log(self, channel: str) -> list[Json]:
        return list((await self.http.get(f"{self.url}/_sim/{channel}/log")).json()["items"])


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Desk]:
    account = MetaAccount(id=ACCOUNT, token=TOKEN, app_id=APP, app_secret=SECRET)
    number = WhatsAppNumber(id=NUMBER, token=TOKEN, app_secret=SECRET)
    given = {
        "telegram_tokens": (BOT,),
        "whatsapp_numbers": (number,),
        "messenger_accounts": (account,),
        "instagram_accounts": (account,),
    }
    settings = Settings(_env_file=None, port=0, **given)  # type: ignore[call-arg, arg-type]
    async with simulator(settings) as door, httpx.AsyncClient(trust_env=False, timeout=20) as http:
        yield Desk(door.url, http)


@pytest.fixture
async def desk(running: Desk) -> Desk:
    await running.http.post(f"{running.url}/_sim/reset")
    await running.http.put(f"{running.url}/_sim/telegram/limits", json={"enabled": False})
    return running


async def test_the_page_brings_all_that_it_needs_and_lets_nothing_else_run(desk: Desk) -> None:
    kinds = {".html": "text/html", ".js": "javascript", ".css": "css", ".svg": "svg"}
    for file in PAGE.iterdir():
        answer = await desk.http.get(f"{desk.url}/phones{'' if file.suffix == '.html' else f'/{file.name}'}")
        assert kinds[file.suffix] in answer.headers["content-type"]
        assert answer.headers["content-security-policy"] == "default-src 'self'"
        assert not [word for word in ("https://", "innerHTML", "outerHTML", "HTML(", "eval(") if word in answer.text]


async def test_every_platform_has_phones(desk: Desk) -> None:
    assert {c["channel"] for c in (await desk.ask(""))["channels"]} >= set(CHANNELS)
    phones = [await desk.add(channel) for channel in CHANNELS]
    assert {f"/{i['channel']}/{i['address']}" for i in (await desk.ask(""))["items"]} == set(phones)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_what_arrives_is_unread_until_somebody_looks(desk: Desk, channel: str) -> None:
    phone = await desk.add(channel)
    await desk.receive(phone, "Coffee?")
    (bubble,) = await desk.bubbles(phone)
    assert (bubble["text"], bubble["mine"], bubble.get("tick", "")) == ("Coffee?", False, "")
    assert await desk.unread(phone) == 1
    await desk.http.post(f"{desk.url}/_sim/phones{phone}/look")
    assert await desk.unread(phone) == 0


@pytest.mark.parametrize("channel", CHANNELS)
async def test_what_is_written_answers_and_is_on_the_platform(desk: Desk, channel: str) -> None:
    phone = await desk.add(channel)
    await desk.receive(phone, "Coffee?")
    (asked,) = await desk.bubbles(phone)
    await desk.ask(f"{phone}/say", text="With milk <b>", reply_to=asked["id"])
    said = (await desk.bubbles(phone))[-1]
    assert (said["text"], said["mine"], said["reply_to"]) == ("With milk <b>", True, asked["id"])
    assert [(e["what"], e["text"]) for e in await desk.log(channel)] == [("sent", "Coffee?"), ("said", "With milk <b>")]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_one_reacts_and_presses(desk: Desk, channel: str) -> None:
    phone = await desk.add(channel)
    await desk.receive(phone, "Coffee?", "Yes", "No")
    (asked,) = await desk.bubbles(phone)
    assert [b["title"] for b in asked["buttons"]] == ["Yes", "No"]
    await desk.ask(f"{phone}/react", message=asked["id"], emoji="👍")
    assert (await desk.bubbles(phone))[0]["reactions"] == ["👍"]
    await desk.ask(f"{phone}/react", message=asked["id"])
    assert "reactions" not in (await desk.bubbles(phone))[0]
    await desk.ask(f"{phone}/press", message=asked["id"], data="no")
    assert "pressed" in [e["what"] for e in await desk.log(channel)]


@pytest.mark.parametrize("channel", ["telegram", "messenger", "instagram"])
async def test_one_edits(desk: Desk, channel: str) -> None:
    phone = await desk.add(channel)
    await desk.ask(f"{phone}/say", text="helo")
    mine = (await desk.bubbles(phone))[-1]
    await desk.ask(f"{phone}/edit", message=mine["id"], text="hello")
    changed = (await desk.bubbles(phone))[-1]
    assert (changed["text"], changed["edited"]) == ("hello", True)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_phone_that_is_off_gets_what_waited_when_it_is_on_again(desk: Desk, channel: str) -> None:
    phone = await desk.add(channel)
    await desk.receive(phone, "One")
    await desk.ask(f"{phone}/switch", online=False)
    await desk.receive(phone, "Two")
    await desk.http.post(f"{desk.url}/_sim/phones{phone}/look")
    assert [b["text"] for b in await desk.bubbles(phone)] == ["One"]
    await desk.ask(f"{phone}/switch", online=True)
    assert [b["text"] for b in await desk.bubbles(phone)] == ["One", "Two"]
    assert await desk.unread(phone) > 0


@pytest.mark.parametrize("channel", ["telegram", "whatsapp"])
async def test_a_place_is_shown_on_a_map(desk: Desk, channel: str) -> None:
    phone = await desk.add(channel)
    await desk.ask(f"{phone}/place", latitude=48.2, longitude=16.37)
    (bubble,) = await desk.bubbles(phone)
    assert "mlat=48.200000&mlon=16.370000" in bubble["place"]["map"]


async def test_pages_are_told_of_whatever_changes(desk: Desk) -> None:
    version = (await desk.ask("/changes"))["version"]
    for channel in CHANNELS:
        waiting = asyncio.create_task(desk.ask(f"/changes?since={version}"))
        phone = await desk.add(channel)
        version = await _another(waiting, version)
        waiting = asyncio.create_task(desk.ask(f"/changes?since={version}"))
        await desk.receive(phone, "Coffee?")
        version = await _another(waiting, version)


async def _another(waiting: "asyncio.Task[Json]", version: str) -> str:
    now = str((await waiting)["version"])
    assert now != version
    return now


async def test_what_whatsapp_refuses_is_on_no_phone(desk: Desk) -> None:
    """It is taken, and its status says that the window was closed."""
    phone = await desk.add("whatsapp")
    address = phone.rpartition("/")[2]
    await desk.http.post(f"{desk.url}/_sim/whatsapp/people/{address}/wait", json={"hours": 25})
    await desk.call_whatsapp(address, "Too late")
    assert await desk.bubbles(phone) == []


async def test_ticks_turn_blue_where_we_have_read(desk: Desk) -> None:
    phone = await desk.add("whatsapp")
    for text in ("one", "two"):
        await desk.ask(f"{phone}/say", text=text)
    first, second = await desk.bubbles(phone)
    seen = {"messaging_product": "whatsapp", "status": "read", "message_id": first["id"]}
    await desk.call_number("/messages", seen)
    assert [b["tick"] for b in await desk.bubbles(phone)] == ["read", second["tick"]]


@pytest.mark.parametrize("channel", ["messenger", "instagram"])
async def test_what_is_taken_back_is_gone_from_the_phone(desk: Desk, channel: str) -> None:
    phone = await desk.add(channel)
    await desk.ask(f"{phone}/say", text="my number is 5")
    await desk.ask(f"{phone}/unsend", message=(await desk.bubbles(phone))[0]["id"])
    (bubble,) = await desk.bubbles(phone)
    assert (bubble["gone"], "text" in bubble) == (True, False)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_file_is_sent_and_may_be_opened(desk: Desk, channel: str) -> None:
    phone = await desk.add(channel)
    sent = await desk.http.post(
        f"{desk.url}/_sim/phones{phone}/file?filename=list.txt&text=Look",
        content=b"milk",
        headers={"content-type": "text/plain"},
    )
    assert sent.is_success, sent.text
    (bubble,) = await desk.bubbles(phone)
    assert (bubble["text"], bubble["file"]["name"], bubble["file"]["size"]) == ("Look", "list.txt", 4)
    found = await desk.http.get(f"{desk.url}/_sim/phones/{channel}/files/{bubble['file']['id']}")
    assert (found.content, "attachment" in found.headers["content-disposition"]) == (b"milk", True)


async def test_ticks_are_those_of_the_platform(desk: Desk, hook: Hook) -> None:
    """Two on Telegram once the bot has it, delivered on Messenger once the webhook has; Instagram shows none."""
    hook.answers = [status(503)]
    name: Platform = "messenger"
    await Site(name, desk.url, desk.http).is_heard_by(hook, "messages")
    phone = await desk.add("messenger")
    await desk.ask(f"{phone}/say", text="hi")
    await hook.until_received(1)
    await hook.until_received(2)
    async with asyncio.timeout(60):
        while (await desk.bubbles(phone))[0].get("tick") != "delivered":
            await asyncio.sleep(0.01)
    telegram, instagram = await desk.add("telegram"), await desk.add("instagram")
    for each in (telegram, instagram):
        await desk.ask(f"{each}/say", text="hi")
    ticks = [(await desk.bubbles(each))[0].get("tick", "") for each in (phone, telegram, instagram)]
    assert ticks == ["delivered", "sent", ""]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/fax/5/say", {"text": "hi"}, "there are no phones of fax"),
        ("/messenger/5555555555/say", {"text": "hi"}, "nobody is called 5555555555"),
        ("/telegram/5/unsend", {"message": "5"}, "Telegram has no way to unsend"),
    ],
)
async def test_what_cannot_be_done_says_why(desk: Desk, path: str, body: Json, words: str) -> None:
    answer = await desk.http.post(f"{desk.url}/_sim/phones{path}", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (409, words)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_what_cannot_be_done_is_said_and_leaves_nothing_behind(desk: Desk, channel: str) -> None:
    phone = await desk.add(channel)
    for path, body in (
        ("say", {"text": "hi", "reply_to": "nope"}),
        ("edit", {"message": "nope", "text": "hi"}),
        ("react", {"message": "nope", "emoji": "👍"}),
        ("press", {"message": "nope", "data": "yes"}),
    ):
        answer = await desk.http.post(f"{desk.url}/_sim/phones{phone}/{path}", json=body)
        assert (answer.status_code, bool(answer.json()["detail"])) == (409, True), path
    assert await desk.bubbles(phone) == []


async def test_a_text_that_telegram_does_not_take_is_not_on_the_phone(desk: Desk) -> None:
    phone = await desk.add("telegram")
    await desk.ask(f"{phone}/say", text="x" * 4096)
    (said,) = await desk.bubbles(phone)
    for path, more in (("say", {}), ("edit", {"message": said["id"]})):
        answer = await desk.http.post(f"{desk.url}/_sim/phones{phone}/{path}", json={"text": "x" * 4097, **more})
        assert answer.status_code == 409
        assert "at most 4,096 characters" in answer.json()["detail"]
    assert await desk.bubbles(phone) == [said]
