"""Windows: who may be written to is known before the platform is asked, and what that says beats what we know."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import httpx
import pytest
from msgspec import structs

from conftest import Stack
from connectors.capabilities import CHANNELS
from connectors.exam.cases import Reply
from connectors.exam.platform import Platform, platform
from connectors.messenger import Settings, page
from libs.common import schema, storage_reading
from libs.common.buckets import Buckets
from libs.common.bus import Record
from libs.common.clock import now
from libs.common.contacts import read_contacts
from libs.common.deliveries import read_deliveries
from libs.common.events import channel_topic, encode
from libs.common.mongo import Document
from libs.common.routing import Contact
from libs.common.scheduler import Scheduler
from libs.common.storage_settings import StorageSettings
from services.router.contacts import Contacts
from services.router.handlers import Courier, Line
from services.router.handlers.deliveries import request_for
from services.router.outbox import Outbox
from services.router.people import Everybody
from services.router.tests.scene import Scene, message, record

PAGE, BO = "1234567890", "98765432101"
ADDRESS = ("messenger", "main", BO)
MESSENGER = structs.replace(CHANNELS["messenger"], throttles=())
TAKEN = Reply(200, json={"recipient_id": BO, "message_id": "m_1"})
OUTSIDE = "(#10) This message is sent outside of allowed window."
CLOSED = Reply(
    400, json={"error": {"message": OUTSIDE, "type": "OAuthException", "code": 10, "error_subcode": 2018278}}
)


@dataclass
class Post:
    scene: Scene
    contacts: Contacts
    courier: Courier
    there: Platform
    places: "count[int]"

    async def wrote(self, hours_ago: float) -> None:
        await self.contacts.note_written({ADDRESS: now() - timedelta(hours=hours_ago)})

    async def contact(self) -> Contact:
        return (await read_contacts(self.scene.database, [ADDRESS]))[ADDRESS]

    async def opened(self) -> tuple[Document, Document]:
        """A message to bo there, and its delivery."""
        event = message(self.scene.conversation, self.scene.ana, "hi", None, "messenger")
        await self.scene.messages().handle([record(encode(event))])
        await self.scene.deliveries().open([event.message_id])
        stored = await self.scene.database["messages"].find_one({"_id": event.message_id})
        assert stored
        (standing,) = await read_deliveries(self.scene.database, [event.message_id])
        return stored, standing

    async def carried(self, stored: Document, standing: Document) -> Document:
        request = request_for(stored, standing).value
        topic = channel_topic("messenger", "main")
        await self.courier.handle(Record(topic, 0, next(self.places), BO.encode(), request))
        return (await read_deliveries(self.scene.database, [stored["_id"]]))[0]


def outcome(delivery: Document) -> tuple[str, str | None]:
    return delivery["status"], (delivery["error"] or {}).get("code")


@asynccontextmanager
async def post(scene: Scene, stack: Stack, *replies: Reply) -> AsyncIterator[Post]:
    place = StorageSettings(_env_file=stack.state / "parley.env").place  # type: ignore[call-arg]
    scene.accounts, scene.addresses = {"messenger": ["main"]}, {scene.bo: {"messenger": BO}}
    async with (
        platform(replies) as there,
        httpx.AsyncClient(trust_env=False, timeout=60) as http,
        storage_reading.connect(place) as objects,
    ):
        settings = Settings(access_token="t", app_secret="s", verify_token="v", page_id=PAGE, base_url=there.url)
        line = Line("messenger", "main", page(http, settings), MESSENGER, 5, Buckets(scene.cache))
        contacts, parked = Contacts(scene.database), Scheduler(scene.database, "lanes")
        outbox, lines = Outbox(scene.database), {("messenger", "main"): line}
        known = (scene.producer, objects, contacts, scene.reporting(), Everybody(scene.database))
        courier = Courier(lines, outbox, parked, scene.teller(), *known)
        yield Post(scene, contacts, courier, there, count())


@pytest.fixture
async def accounts(scene: Scene, kafka: tuple[str, str]) -> AsyncIterator[Sequence[tuple[str, str]]]:
    """Whose topics exist."""
    made = [("messenger", "main")]
    await schema.create_topics(*kafka, accounts=made)
    await scene.takes_requests_for("messenger", "main")
    yield made
    await schema.delete_topics(*kafka, made)


@pytest.mark.usefixtures("accounts")
async def test_who_has_never_written_or_not_lately_is_refused_and_the_platform_is_not_asked(
    scene: Scene, stack: Stack
) -> None:
    async with post(scene, stack) as sent:
        assert outcome((await sent.opened())[1]) == ("FAILED", "window_closed")
        await sent.wrote(24 * 7 + 1)
        assert outcome((await sent.opened())[1]) == ("FAILED", "window_closed")
        assert sent.there.seen == []


@pytest.mark.usefixtures("accounts")
async def test_each_message_of_theirs_opens_it(scene: Scene, stack: Stack) -> None:
    async with post(scene, stack, TAKEN) as sent:
        await sent.wrote(23)
        assert outcome(await sent.carried(*await sent.opened())) == ("SENT", None)


@pytest.mark.usefixtures("accounts")
async def test_it_may_close_while_a_message_waits_to_be_sent(scene: Scene, stack: Stack) -> None:
    """Only a page that answers for people may use the longer one."""
    async with post(scene, stack) as sent:
        await sent.wrote(25)
        stored, standing = await sent.opened()
        assert outcome(standing) == ("QUEUED", None)
        assert outcome(await sent.carried(stored, standing)) == ("FAILED", "window_closed")
        assert sent.there.seen == []


@pytest.mark.usefixtures("accounts")
async def test_what_the_platform_says_holds_until_they_write_again(scene: Scene, stack: Stack) -> None:
    async with post(scene, stack, CLOSED, TAKEN) as sent:
        await sent.wrote(2)
        assert outcome(await sent.carried(*await sent.opened())) == ("FAILED", "window_closed")
        assert outcome((await sent.opened())[1]) == ("FAILED", "window_closed")
        await sent.wrote(1)
        assert outcome(await sent.carried(*await sent.opened())) == ("SENT", None)


@pytest.mark.usefixtures("accounts")
async def test_who_writes_while_the_platform_refuses_has_an_open_window(scene: Scene, stack: Stack) -> None:
    """The refusal is about what was known when the message was sent, and not about what came meanwhile."""
    async with post(scene, stack, CLOSED) as sent:
        await sent.wrote(2)
        opened_at = (await sent.contact()).wrote_at
        assert opened_at
        stored, standing = await sent.opened()
        await sent.wrote(1)
        await sent.contacts.note_closed(ADDRESS, opened_at)
        assert outcome((await sent.opened())[1]) == ("QUEUED", None)
        assert outcome(standing) == ("QUEUED", None)
        assert stored["channels"] == ["messenger"]


async def test_a_clock_of_a_platform_that_is_ahead_keeps_no_window_open_for_longer(scene: Scene) -> None:
    contacts = Contacts(scene.database)
    await contacts.note_written({ADDRESS: now() + timedelta(days=30)})
    found = (await read_contacts(scene.database, [ADDRESS]))[ADDRESS]
    assert found.wrote_at
    assert found.wrote_at <= now()
