"""Notices: sent once to their address, while they are of use, and nothing of them is in any conversation."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer

from conftest import Stack
from connectors.simulator.app import simulator
from connectors.simulator.settings import Settings as SimulatorSettings
from libs.common import storage_reading
from libs.common.bus import Record
from libs.common.clock import new_id, now, rfc3339
from libs.common.events import NOTICE_EVENTS, NoticeEvent, channel_topic, encode
from libs.common.mongo import Document
from libs.common.scheduler import Scheduler
from libs.common.storage_settings import StorageSettings
from services.router.arrivals import Arrivals
from services.router.contacts import Contacts
from services.router.handlers import Courier, Notices
from services.router.outbox import Outbox
from services.router.people import Everybody
from services.router.store import Store
from services.router.tests.platform import Outside, standing
from services.router.tests.scene import Scene, record
from services.router.tests.test_accounts import TOKENS, line

ACCOUNTS = {"telegram": ["main"]}
LIVES = timedelta(minutes=10)


def notice(address: str = "42", lives: timedelta = LIVES, channel: str = "telegram") -> NoticeEvent:
    expires_at = rfc3339(now() + lives)
    return NoticeEvent(
        notice_id=new_id(), channel=channel, address=address, text="402913 is your code", expires_at=expires_at
    )


@dataclass
class Office:
    """Where notices become deliveries, and a platform to which they go."""

    scene: Scene
    courier: Courier
    http: httpx.AsyncClient

    async def take(self, *events: NoticeEvent) -> None:
        notices = Notices(Store(self.scene.database), Contacts(self.scene.database), self.scene.producer, ACCOUNTS)
        assert await notices.handle([record(encode(event), NOTICE_EVENTS) for event in events]) == []

    async def delivery(self, event: NoticeEvent) -> Document:
        found = await self.scene.database["deliveries"].find_one({"_id": event.notice_id})
        assert found
        return found

    async def requests(self, count: int) -> list[Record]:
        bootstrap, prefix = self.scene.broker
        topic = channel_topic("telegram", "main")
        async with (
            AIOKafkaConsumer(prefix + topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer,
            asyncio.timeout(60),
        ):
            return [Record(topic, 0, n, b"42", (await consumer.getone()).value) for n in range(count)]

    async def arrived(self, address: str) -> list[str]:
        log = (await self.http.get("/_sim/telegram/log", params={"chat": address})).json()["items"]
        return [entry["text"] for entry in log if entry["what"] == "sent"]


@pytest.fixture
async def office(scene: Scene, topics: None, stack: Stack) -> AsyncIterator[Office]:
    place = StorageSettings(_env_file=stack.state / "parley.env").place  # type: ignore[call-arg]
    async with (
        simulator(SimulatorSettings(port=0, telegram_tokens=tuple(TOKENS.values()))) as door,
        httpx.AsyncClient(base_url=door.url, trust_env=False, timeout=60) as http,
        storage_reading.connect(place) as objects,
    ):
        parked, teller = Scheduler(scene.database, "lanes"), scene.teller()
        parts = (Outbox(scene.database), parked, teller, scene.producer, objects)
        lines = {("telegram", "main"): line("main", http, door.url, scene)}
        known = (Contacts(scene.database), scene.reporting(), Everybody(scene.database))
        yield Office(scene, Courier(lines, *parts, *known), http)


async def somebody(office: Office) -> str:
    return str((await office.http.post("/_sim/telegram/people", json={"first_name": "Tea"})).json()["id"])


async def test_a_notice_is_sent_once_however_often_it_comes(office: Office) -> None:
    event = notice(await somebody(office))
    await office.take(event)
    await office.take(event, event)
    for request in await office.requests(2):
        await office.courier.handle(request)
    assert await office.arrived(event.address) == ["402913 is your code"]
    assert (await office.delivery(event))["status"] == "SENT"


async def test_what_has_run_out_is_not_sent(office: Office) -> None:
    event = notice(await somebody(office), lives=timedelta(seconds=-1))
    await office.take(event)
    (request,) = await office.requests(1)
    await office.courier.handle(request)
    delivery = await office.delivery(event)
    assert (delivery["status"], delivery["error"]["code"]) == ("FAILED", "too_late")
    assert await office.arrived(event.address) == []


async def test_a_notice_is_of_no_conversation_and_hides_none(office: Office) -> None:
    event = notice(await somebody(office))
    await office.take(event)
    (request,) = await office.requests(1)
    await office.courier.handle(request)
    (external_id,) = (await office.delivery(event))["external_ids"]
    arrivals = Arrivals(office.scene.database)
    assert await arrivals.sent([("telegram", "main", external_id)]) == {}
    assert await arrivals.latest(("telegram", "main", event.address)) == []


async def test_who_blocked_us_is_not_written_to(office: Office) -> None:
    await Outside(office.scene, office.http).come(standing("kicked", 1_700_000_000))
    await office.take(event := notice("42"))
    delivery = await office.delivery(event)
    assert (delivery["status"], delivery["error"]["code"]) == ("FAILED", "blocked")


async def test_a_notice_for_a_channel_that_there_is_not_is_set_aside(scene: Scene) -> None:
    notices = Notices(Store(scene.database), Contacts(scene.database), scene.producer, ACCOUNTS)
    event = msgspec.structs.replace(notice(), channel="sms")
    rejected = await notices.handle([record(encode(event), NOTICE_EVENTS), record(b"{", NOTICE_EVENTS)])
    assert sorted(one.reason for one in rejected) == ["malformed", "unknown_channel"]
