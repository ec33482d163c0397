"""What the tests of deliveries build from: requests as they come from Kafka, a courier, and a platform simulated."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer
from msgspec import structs

from conftest import Stack
from connectors.capabilities import CHANNELS, Channel
from connectors.simulator.app import simulator
from connectors.simulator.settings import Settings as SimulatorSettings
from connectors.telegram import Settings, Telegram
from libs.common import storage_reading
from libs.common.breaker import Breaker, Policy
from libs.common.buckets import Buckets
from libs.common.bus import Record
from libs.common.deliveries import read_deliveries
from libs.common.events import DLQ_SUFFIX, DeliveryRequest, channel_topic, decode, encode
from libs.common.mongo import Document
from libs.common.scheduler import Scheduler
from libs.common.storage_settings import StorageSettings
from services.router.contacts import Contacts
from services.router.handlers import Courier, Line
from services.router.handlers.deliveries import request_for
from services.router.outbox import Outbox
from services.router.people import Everybody
from services.router.tests.scene import Scene, message, record

TOKEN = "700000001:a_token_of_tests"
TOPIC = channel_topic("telegram", "main")
PATIENT = Policy(least=1000)


@dataclass
class Post:
    """A courier and the platform that it serves, by these `settings`; `address` is a person there.

    `without`: a courier of a router whose settings name no account.
    """

    scene: Scene
    courier: Courier
    without: Courier
    outbox: Outbox
    parked: Scheduler
    line: Line
    http: httpx.AsyncClient
    settings: Settings
    address: str
    places: "count[int]"

    async def queued(self, *texts: str) -> list[Record]:
        """Messages to bo there, stored and opened; the requests for them, as they come from Kafka."""
        self.scene.addresses = {self.scene.bo: {"telegram": self.address}}
        asked = [record(encode(message(self.scene.conversation, self.scene.ana, t, None, "telegram"))) for t in texts]
        await self.scene.messages().handle(asked)
        self.scene.accounts = {"telegram": ["main"]}
        deliveries = self.scene.deliveries()
        left = self.scene.database["messages"].find({"opening": True}).hint("opening")
        messages = sorted(await left.to_list(), key=lambda m: m["sequence_number"])
        await deliveries.open([m["_id"] for m in messages])
        standing = {
            d["message_id"]: d for d in await read_deliveries(self.scene.database, [m["_id"] for m in messages])
        }
        return [self.record(request_for(m, standing[m["_id"]]).value) for m in messages]

    def record(self, value: bytes, **headers: bytes) -> Record:
        return Record(TOPIC, 0, next(self.places), self.address.encode(), value, headers)

    async def delivery(self, one: Record) -> Document:
        found = await self.outbox.find(decode(DeliveryRequest, one.value).delivery_id)
        assert found
        return found

    async def change(self, one: Record, **fields: Any) -> None:
        key = decode(DeliveryRequest, one.value).delivery_id
        await self.scene.database["deliveries"].update_one({"_id": key}, {"$set": fields})

    async def sim(self, path: str, body: dict[str, Any]) -> None:
        (await self.http.post(f"/_sim/telegram/{path}", json=body)).raise_for_status()

    async def texts(self) -> list[str]:
        return [e["text"] for e in await self.log() if e["what"] == "sent"]

    async def log(self) -> list[dict[str, Any]]:
        answer = await self.http.get("/_sim/telegram/log", params={"limit": 1000})
        return list(answer.json()["items"])

    async def letters(self, number: int) -> list[dict[str, str]]:
        """The headers of so many dead letters."""
        bootstrap, prefix = self.scene.broker
        topic = prefix + TOPIC + DLQ_SUFFIX
        async with (
            AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer,
            asyncio.timeout(60),
        ):
            return [{k: v.decode() for k, v in (await consumer.getone()).headers} for _ in range(number)]


@asynccontextmanager
async def carrying(scene: Scene, stack: Stack) -> AsyncIterator[Post]:
    place = StorageSettings(_env_file=stack.state / "parley.env").place  # type: ignore[call-arg]
    async with (
        simulator(SimulatorSettings(port=0, telegram_tokens=(TOKEN,))) as door,
        storage_reading.connect(place) as objects,
        httpx.AsyncClient(base_url=door.url, trust_env=False, timeout=60) as http,
    ):
        person = (await http.post("/_sim/telegram/people", json={"first_name": "Bo"})).json()["id"]
        settings = Settings(token=TOKEN, webhook_secret="s", base_url=door.url, timeout_s=30)
        line = Line(
            "telegram", "main", Telegram(http, settings), with_texts_of(4096), 5, Buckets(scene.cache), Breaker(PATIENT)
        )
        outbox, parked = Outbox(scene.database), Scheduler(scene.database, "lanes")
        lines = {("telegram", "main"): line}
        teller, contacts = scene.teller(), Contacts(scene.database)
        known = (scene.producer, objects, contacts, scene.reporting(), Everybody(scene.database))
        courier, without = (Courier(each, outbox, parked, teller, *known) for each in (lines, {}))
        await http.put("/_sim/telegram/limits", json={"enabled": False})
        yield Post(scene, courier, without, outbox, parked, line, http, settings, str(person), count())


def with_texts_of(most: int) -> Channel:
    """Telegram without rates."""
    telegram = CHANNELS["telegram"]
    return structs.replace(telegram, throttles=(), text=structs.replace(telegram.text, max=most))
