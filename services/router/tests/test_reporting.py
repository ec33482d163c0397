"""What platforms report of deliveries: stored where it raises them, told to the sender, kept where nothing is known."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec import structs

from connectors.capabilities import CHANNELS
from connectors.sdk import Reported
from libs.common import frames
from libs.common.clock import new_id, now, rfc3339
from libs.common.contacts import read_contacts
from libs.common.events import InboundEvent, encode
from libs.common.mongo import Document
from libs.common.routing import Window, window_of
from services.router.contacts import Contacts
from services.router.inbound import Told
from services.router.tests.scene import Scene, message, record

ADDRESS = "16505551234"
EVENT = InboundEvent(channel="whatsapp", account="main", address=ADDRESS, provider_id="any", body=b"", at="any")


def told(
    status: str,
    *external_ids: str,
    up_to: datetime | None = None,
    code: str | None = None,
    heard_at: datetime | None = None,
) -> Told:
    said = {"status": status, "external_ids": external_ids, "up_to": up_to, "code": code, "detail": code}
    body = {"kind": "reported", "provider_id": "any", "address": ADDRESS, "at": now(), **said}
    return Told(structs.replace(EVENT, at=rfc3339(heard_at or now())), msgspec.convert(body, Reported))


@dataclass
class Reporter:
    """Deliveries of ana's messages to bo, as the lanes write them; and a router that hears of them."""

    scene: Scene

    async def sent(self, *external_ids: str, status: str = "SENT", sent_at: datetime | None = None) -> str:
        event = message(self.scene.conversation, self.scene.ana, new_id(), None, "whatsapp")
        self.scene.addresses = {self.scene.bo: {"whatsapp": ADDRESS}}
        await self.scene.messages().handle([record(encode(event))])
        at = sent_at or now()
        fields: Document = {"status": status, "account": "main", "address": ADDRESS, "error": None, "attempts": 1}
        fields |= {"sent_at": at, "updated_at": at, "history": [{"status": status, "at": at}]}
        fields |= {"external_ids": list(external_ids)} if external_ids else {}
        key = f"{event.message_id}:{self.scene.bo}:whatsapp"
        found = await self.scene.database["deliveries"].find_one({"_id": key}) or self._new(key, event.message_id)
        await self.scene.database["deliveries"].replace_one({"_id": key}, {**found, **fields}, upsert=True)
        return key

    def _new(self, key: str, message_id: str) -> Document:
        place = {"conversation_id": self.scene.conversation, "sequence_number": 1, "from": self.scene.ana}
        return {"_id": key, "message_id": message_id, "recipient": self.scene.bo, "channel": "whatsapp", **place}

    async def hear(self, *reports: Told) -> None:
        """By a router that has just started."""
        await self.scene.reporting().take(reports)

    async def meet(self, key: str) -> None:
        await self.scene.reporting().meet(await self.delivery(key))

    async def delivery(self, key: str) -> Document:
        found = await self.scene.database["deliveries"].find_one({"_id": key})
        assert found
        return found

    async def status(self, key: str) -> str:
        return str((await self.delivery(key))["status"])


@pytest.fixture
async def reporter(scene: Scene) -> Reporter:
    await scene.connect(scene.ana)
    return Reporter(scene)


async def test_delivered_and_read_reach_the_senders_devices_and_are_facts(reporter: Reporter) -> None:
    key = await reporter.sent("wamid.A")
    before = len(await reporter.scene.feed(reporter.scene.ana))
    await reporter.hear(told("DELIVERED", "wamid.A"))
    await reporter.hear(told("READ", "wamid.A"))
    frames_ = (await reporter.scene.feed(reporter.scene.ana))[before:]
    shown = [msgspec.json.decode(packed.body, type=frames.Status) for packed in frames_]
    assert [(f.status, f.message_status, f.recipient) for f in shown] == [
        ("DELIVERED", "DELIVERED", reporter.scene.bo),
        ("READ", "READ", reporter.scene.bo),
    ]
    found = await reporter.delivery(key)
    assert [step["status"] for step in found["history"]] == ["SENT", "DELIVERED", "READ"]


async def test_what_is_doubled_or_late_changes_nothing(reporter: Reporter) -> None:
    key = await reporter.sent("wamid.A")
    for words in (("READ",), ("DELIVERED", "SENT"), ("READ", "READ")):
        await reporter.hear(*(told(word, "wamid.A") for word in words))
    found = await reporter.delivery(key)
    assert [step["status"] for step in found["history"]] == ["SENT", "READ"]


async def test_a_failure_bears_its_code_and_what_arrives_all_the_same_takes_it_back(reporter: Reporter) -> None:
    key = await reporter.sent("wamid.A")
    await reporter.hear(told("FAILED", "wamid.A", code="window_closed"))
    assert (await reporter.delivery(key))["error"] == {"code": "window_closed", "detail": "window_closed"}
    await reporter.hear(told("DELIVERED", "wamid.A"))
    found = await reporter.delivery(key)
    assert (found["status"], found["error"]) == ("DELIVERED", None)


async def test_who_refuses_for_the_window_after_taking_it_closes_the_one_that_was_known(reporter: Reporter) -> None:
    key, database, at = await reporter.sent("wamid.A"), reporter.scene.database, now()
    await Contacts(database).note_written({("whatsapp", "main", ADDRESS): at})
    await database["deliveries"].update_one({"_id": key}, {"$set": {"window_opened_at": at}})
    await reporter.hear(told("FAILED", "wamid.A", code="window_closed"))
    (contact,) = (await read_contacts(database, [("whatsapp", "main", ADDRESS)])).values()
    assert window_of(CHANNELS["whatsapp"], contact, at) == Window(is_open=False)


async def test_a_report_that_comes_before_its_delivery_is_kept_and_met(reporter: Reporter) -> None:
    await reporter.hear(told("READ", "wamid.A"), told("DELIVERED", "wamid.A"))
    key = await reporter.sent("wamid.A")
    await reporter.meet(key)
    assert await reporter.status(key) == "READ"


async def test_a_report_of_a_delivery_that_is_still_under_way_waits_for_its_end(reporter: Reporter) -> None:
    key = await reporter.sent("wamid.A", status="QUEUED")
    await reporter.hear(told("DELIVERED", "wamid.A"))
    assert await reporter.status(key) == "QUEUED"
    await reporter.scene.database["deliveries"].update_one({"_id": key}, {"$set": {"status": "SENT"}})
    await reporter.meet(key)
    assert await reporter.status(key) == "DELIVERED"


async def test_one_of_them_meets_the_other_whoever_is_first(reporter: Reporter) -> None:
    """Both at once, many times: a report is never lost between looking and keeping."""

    async def record_it(key: str) -> None:
        await reporter.scene.database["deliveries"].update_one({"_id": key}, {"$set": {"status": "SENT"}})
        await reporter.meet(key)

    keys = [await reporter.sent(f"wamid.{n}", status="QUEUED") for n in range(20)]
    both = [work for n, key in enumerate(keys) for work in (record_it(key), reporter.hear(told("READ", f"wamid.{n}")))]
    await asyncio.gather(*both)
    assert [await reporter.status(key) for key in keys] == ["READ"] * 20


async def test_a_time_is_of_everything_that_was_sent_there_until_then(reporter: Reporter) -> None:
    middle = now()
    old = await reporter.sent("m_1", sent_at=middle - timedelta(minutes=2))
    new = await reporter.sent("m_2", sent_at=middle + timedelta(minutes=2))
    await reporter.hear(told("DELIVERED", up_to=middle))
    assert (await reporter.status(old), await reporter.status(new)) == ("DELIVERED", "SENT")
    await reporter.hear(
        told("READ", up_to=(later := middle + timedelta(minutes=3)), heard_at=later), told("DELIVERED", up_to=middle)
    )
    assert (await reporter.status(old), await reporter.status(new)) == ("READ", "READ")


async def test_a_clock_that_is_ahead_says_nothing_of_what_is_sent_after_it_was_heard(reporter: Reporter) -> None:
    heard_at = now()
    await reporter.hear(told("READ", up_to=datetime(9999, 12, 31, tzinfo=UTC), heard_at=heard_at))
    key = await reporter.sent("m_1", sent_at=heard_at + timedelta(seconds=1))
    await reporter.meet(key)
    assert await reporter.status(key) == "SENT"


async def test_a_time_that_is_told_while_a_message_is_under_way_is_met(reporter: Reporter) -> None:
    at = now() - timedelta(seconds=10)
    key = await reporter.sent("m_1", status="QUEUED", sent_at=at)
    await reporter.hear(told("READ", up_to=at + timedelta(seconds=5)))
    await reporter.scene.database["deliveries"].update_one({"_id": key}, {"$set": {"status": "SENT"}})
    await reporter.meet(key)
    assert await reporter.status(key) == "READ"


async def test_a_split_text_is_delivered_when_all_of_it_is(reporter: Reporter) -> None:
    key = await reporter.sent("wamid.A", "wamid.B")
    await reporter.hear(told("DELIVERED", "wamid.A"))
    assert await reporter.status(key) == "SENT"
    await reporter.hear(told("READ", "wamid.B"))
    assert await reporter.status(key) == "DELIVERED"


async def test_two_routers_that_hear_of_one_delivery_at_once_lose_nothing(reporter: Reporter) -> None:
    key = await reporter.sent(*(f"wamid.{n}" for n in range(8)))
    await asyncio.gather(*(reporter.hear(told("READ", f"wamid.{n}")) for n in range(8)))
    assert await reporter.status(key) == "READ"


async def test_what_is_told_of_another_account_is_none_of_ours(reporter: Reporter) -> None:
    key = await reporter.sent("wamid.A")
    other = Told(structs.replace(EVENT, account="second", at=rfc3339(now())), told("READ", "wamid.A").what)
    await reporter.hear(other)
    assert await reporter.status(key) == "SENT"


async def test_kept_reports_end_after_a_week(reporter: Reporter) -> None:
    indexes = await reporter.scene.database["reports"].index_information()
    assert indexes["kept"]["expireAfterSeconds"] == 7 * 86_400
    await reporter.hear(told("READ", "wamid.unknown"), told("READ", "wamid.unknown"))
    ids = {"_id": {"$gte": "whatsapp/", "$lt": "whatsapp0"}}
    kept = await reporter.scene.database["reports"].find(ids).to_list()
    assert [d["_id"] for d in kept] == ["whatsapp/main/wamid.unknown:READ"]
