"""Several accounts of a channel, and people who can be reached by one of them, or not any more."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx
import pytest

from conftest import Stack
from connectors.capabilities import CHANNELS
from connectors.simulator.app import simulator
from connectors.simulator.settings import Settings as SimulatorSettings
from connectors.telegram import Settings, Telegram
from libs.common import storage_reading
from libs.common.buckets import Buckets
from libs.common.bus import Record
from libs.common.deliveries import read_deliveries
from libs.common.events import channel_topic, encode
from libs.common.lanes import Lanes
from libs.common.mongo import Document
from libs.common.scheduler import Scheduler
from libs.common.storage_settings import StorageSettings
from services.router.contacts import Contacts
from services.router.handlers import Courier, Line
from services.router.handlers.deliveries import request_for
from services.router.outbox import Outbox
from services.router.people import Everybody
from services.router.tests.platform import Outside, said, standing
from services.router.tests.scene import AT_ONCE, Scene, message, record

ACCOUNTS = ["main", "second"]
TOKENS = {"main": "700000001:a_token_of_tests", "second": "700000002:a_token_of_tests"}
EARLIER, NOW = 1_700_000_000, 1_700_000_100


@pytest.fixture
async def outside(scene: Scene, topics: None) -> AsyncIterator[Outside]:
    """Bo has mapped address 42, and there are two bots."""
    scene.accounts = {"telegram": ACCOUNTS}
    scene.addresses = {scene.bo: {"telegram": "42"}}
    async with httpx.AsyncClient(timeout=60) as http:
        yield Outside(scene, http, {"42": scene.bo}, inbox=scene.ana)


async def write(scene: Scene, text: str = "hi") -> tuple[Document, Document]:
    """A message to bo at telegram, with its delivery as it is opened."""
    event = message(scene.conversation, scene.ana, text, None, "telegram")
    await scene.messages().handle([record(encode(event))])
    stored = await scene.database["messages"].find_one({"_id": event.message_id})
    assert stored
    await scene.deliveries().sweep(AT_ONCE)
    (opened,) = await read_deliveries(scene.database, [event.message_id])
    return stored, opened


async def test_one_writes_by_the_bot_to_which_they_wrote_last(outside: Outside) -> None:
    scene = outside.scene
    assert (await write(scene))[1]["account"] == "main"
    await outside.come(said("to the first", 3, at=EARLIER), said("to the second", 4, account="second", at=NOW))
    assert (await write(scene))[1]["account"] == "second"
    await outside.come(said("late news of the first", 5, at=EARLIER))
    assert (await write(scene))[1]["account"] == "second"


async def test_an_account_that_is_configured_no_more_is_not_chosen(outside: Outside) -> None:
    await outside.come(said("to the second", 4, account="second"))
    outside.scene.accounts = {"telegram": ["main"]}
    assert (await write(outside.scene))[1]["account"] == "main"


async def test_who_blocked_us_is_refused_at_once_until_they_let_us_in_again(outside: Outside) -> None:
    scene = outside.scene
    await outside.come(standing("kicked", EARLIER))
    _, refused = await write(scene)
    assert (refused["status"], refused["error"]["code"], refused["attempts"]) == ("FAILED", "blocked", 0)
    await outside.come(standing("member", NOW))
    assert (await write(scene))[1]["status"] == "QUEUED"


async def test_who_writes_can_be_reached(outside: Outside) -> None:
    await outside.come(standing("kicked", EARLIER))
    await outside.come(said("I am back", 3, at=NOW))
    assert (await write(outside.scene))[1]["status"] == "QUEUED"
    await outside.come(standing("kicked", EARLIER))
    assert (await write(outside.scene))[1]["status"] == "QUEUED"


@pytest.mark.parametrize(("status", "code"), [("left", "removed"), ("kicked", "removed")])
async def test_a_group_that_put_us_out_is_refused_in_the_words_of_its_platform(
    outside: Outside, status: str, code: str
) -> None:
    outside.scene.addresses = {outside.scene.bo: {"telegram": "-1001"}}
    await outside.come(standing(status, NOW, chat=-1001))
    assert (await write(outside.scene))[1]["error"]["code"] == code


async def test_two_bots_send_each_what_is_its_own_and_each_in_order(outside: Outside, stack: Stack) -> None:
    """A change of bot is a change of chat: order holds in each of them."""
    scene = outside.scene
    place = StorageSettings(_env_file=stack.state / "parley.env").place  # type: ignore[call-arg]
    async with (
        simulator(SimulatorSettings(port=0, telegram_tokens=tuple(TOKENS.values()))) as door,
        httpx.AsyncClient(base_url=door.url, trust_env=False, timeout=60) as http,
        storage_reading.connect(place) as objects,
    ):
        await http.put("/_sim/telegram/limits", json={"enabled": False})
        tea = (await http.post("/_sim/telegram/people", json={"first_name": "Tea"})).json()["id"]
        scene.addresses, outside.mapped = {scene.bo: {"telegram": str(tea)}}, {str(tea): scene.bo}
        lines = {("telegram", account): line(account, http, door.url, scene) for account in ACCOUNTS}
        parts = (Outbox(scene.database), Scheduler(scene.database, "lanes"), scene.teller(), scene.producer, objects)
        courier = Courier(lines, *parts, Contacts(scene.database), scene.reporting(), Everybody(scene.database))
        requests = []
        for number, account in enumerate(["main", "second", "second", "main"], 3):
            await outside.come(said("hi", number, chat=tea, account=account, at=NOW + number))
            requests += [request(*(await write(scene, f"{account} {n}"))) for n in range(2)]
        await carried(courier, requests)
        log = (await http.get("/_sim/telegram/log", params={"limit": 1000})).json()["items"]
        by_bot = {account: texts(log, TOKENS[account]) for account in ACCOUNTS}
    assert by_bot == {account: [f"{account} 0", f"{account} 1"] * 2 for account in ACCOUNTS}


def line(account: str, http: httpx.AsyncClient, url: str, scene: Scene) -> Line:
    bot = Telegram(http, Settings(token=TOKENS[account], webhook_secret="s", base_url=url, timeout_s=20))
    return Line("telegram", account, bot, CHANNELS["telegram"], 20, Buckets(scene.cache))


def texts(log: list[dict[str, Any]], token: str) -> list[str]:
    bot = int(token.partition(":")[0])
    return [e["text"] for e in log if e["what"] == "sent" and e["bot"] == bot]


_places = count()


def request(stored: Document, delivery: Document) -> Record:
    out = request_for(stored, delivery)
    topic = channel_topic("telegram", delivery["account"])
    return Record(topic, 0, next(_places), delivery["address"].encode(), out.value)


async def carried(courier: Courier, requests: list[Record]) -> None:
    """As lanes do it; returns when all are done."""
    done = asyncio.Event()
    left = len(requests)

    def one_less(_: Record) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    lanes = Lanes(courier, one_less)
    for one in requests:
        lanes.put(one)
    async with asyncio.timeout(60):
        await done.wait()
