"""WhatsApp's limits and outages, as its answers tell them: obeyed, they burn no attempt, and the message arrives."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from msgspec import structs

from conftest import Stack
from connectors.capabilities import CHANNELS
from connectors.exam.cases import Reply
from connectors.exam.platform import platform
from connectors.whatsapp import Settings, WhatsApp
from libs.common import schema, storage_reading
from libs.common.buckets import Buckets
from libs.common.bus import Record
from libs.common.clock import now
from libs.common.deliveries import read_deliveries
from libs.common.events import channel_topic, encode
from libs.common.mongo import Document
from libs.common.scheduler import Scheduler
from libs.common.storage_settings import StorageSettings
from services.router.contacts import Contacts
from services.router.handlers import Courier, Line
from services.router.handlers.deliveries import request_for
from services.router.outbox import Outbox
from services.router.people import Everybody
from services.router.tests.scene import Scene, message, record

BO = "16505551234"
WHATSAPP = structs.replace(CHANNELS["whatsapp"], throttles=())
TAKEN = Reply(200, json={"messaging_product": "whatsapp", "contacts": [{"wa_id": BO}], "messages": [{"id": "wamid.1"}]})
AWAY = Reply(503, text="<html>no healthy upstream</html>")


def refused(status: int, code: int, **headers: str) -> Reply:
    error = {"message": f"(#{code}) Limit hit", "type": "OAuthException", "code": code}
    return Reply(status, json={"error": error}, headers=headers)


@pytest.fixture
async def whatsapp(scene: Scene, kafka: tuple[str, str]) -> AsyncIterator[Scene]:
    """Bo is there, has written lately, and what is sent to the account has its topic."""
    made = [("whatsapp", "main")]
    await schema.create_topics(*kafka, accounts=made)
    await scene.takes_requests_for("whatsapp", "main")
    scene.accounts, scene.addresses = {"whatsapp": ["main"]}, {scene.bo: {"whatsapp": BO}}
    await Contacts(scene.database).note_written({("whatsapp", "main", BO): now()})
    yield scene
    await schema.delete_topics(*kafka, made)


async def carried(scene: Scene, stack: Stack, *replies: Reply) -> tuple[Document, int]:
    """A message to bo after these answers: its delivery, and how often the platform was asked."""
    place = StorageSettings(_env_file=stack.state / "parley.env").place  # type: ignore[call-arg]
    event = message(scene.conversation, scene.ana, "hi", None, "whatsapp")
    await scene.messages().handle([record(encode(event))])
    await scene.deliveries().open([event.message_id])
    stored = await scene.database["messages"].find_one({"_id": event.message_id})
    assert stored
    (standing,) = await read_deliveries(scene.database, [event.message_id])
    async with (
        platform(replies) as there,
        httpx.AsyncClient(trust_env=False, timeout=60) as http,
        storage_reading.connect(place) as objects,
    ):
        ours = Settings(access_token="t", app_secret="s", verify_token="v", phone_number_id="7", base_url=there.url)
        line = Line("whatsapp", "main", WhatsApp(http, ours), WHATSAPP, 5, Buckets(scene.cache))
        known = (scene.producer, objects, Contacts(scene.database), scene.reporting(), Everybody(scene.database))
        parked = Scheduler(scene.database, "lanes")
        courier = Courier({("whatsapp", "main"): line}, Outbox(scene.database), parked, scene.teller(), *known)
        topic = channel_topic("whatsapp", "main")
        await courier.handle(Record(topic, 0, 0, BO.encode(), request_for(stored, standing).value))
        return (await read_deliveries(scene.database, [event.message_id]))[0], len(there.seen)


async def test_pair_and_throughput_limits_are_waited_for_and_an_outage_is_tried_again(
    whatsapp: Scene, stack: Stack
) -> None:
    limits = refused(400, 131056, **{"retry-after": "1"}), refused(429, 130429, **{"retry-after": "1"})
    found, asked = await carried(whatsapp, stack, *limits, AWAY, TAKEN)
    assert (found["status"], found["external_ids"], asked) == ("SENT", ["wamid.1"], 4)
    assert found["attempts"] == 2  # the outage, and the one that was taken


async def test_what_asks_for_an_hour_leaves_the_lane(whatsapp: Scene, stack: Stack) -> None:
    found, asked = await carried(whatsapp, stack, refused(400, 131048))
    assert (found["status"], found["attempts"], asked) == ("QUEUED", 0, 1)
    assert timedelta(minutes=59) < found["due_at"] - now() < timedelta(minutes=61)
