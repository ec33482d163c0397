"""People on platforms as contacts: met by their updates, put together and taken apart, and where their words go."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import pytest

from libs.common.bus import Record
from libs.common.errors import Retry
from libs.common.events import encode
from libs.common.identities import Merged, Met
from libs.common.mongo import Database, Document
from libs.common.tests.scans import BY_A_TEST
from services.router.people import Everybody
from services.router.tests.platform import Outside, said
from services.router.tests.scene import Scene, message, record

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MERGED = Merged("telegram:42", "op", NOON)
T = TypeVar("T")


def met(value: str, *also: str, name: str = "Tea", after_s: int = 0) -> Met:
    return Met("whatsapp", value, also, name, NOON + timedelta(seconds=after_s))


async def people(database: Database) -> dict[str, Document]:
    return {d["_id"]: d async for d in database["people"].find(comment=BY_A_TEST)}


def values(document: Document) -> list[tuple[str, str]]:
    return [(i["kind"], i["value"]) for i in document["identities"]]


@pytest.fixture
async def outside(scene: Scene, topics: None) -> AsyncIterator[Outside]:
    """Ana is the inbox; there is a bot."""
    scene.accounts = {"telegram": ["main"], "whatsapp": ["main"]}
    async with httpx.AsyncClient(timeout=60) as http:
        yield Outside(scene, http, inbox=scene.ana)


async def test_both_identities_of_one_update_are_one_contact(database: Database) -> None:
    await Everybody(database).meet([met("43", "US.1")])
    await Everybody(database).meet([met("US.1", name="Tea B.", after_s=1)])
    (found,) = (await people(database)).values()
    assert (found["_id"], values(found)) == ("whatsapp:43", [("phone", "43"), ("bsuid", "US.1")])
    assert (found["current"], found["display_name"]) == ("US.1", "Tea B.")


async def test_an_id_that_shows_its_number_later_is_the_same_contact(database: Database) -> None:
    await Everybody(database).meet([met("US.1")])
    await Everybody(database).meet([met("43", "US.1", after_s=1)])
    (found,) = (await people(database)).values()
    assert (found["_id"], values(found)) == ("whatsapp:US.1", [("bsuid", "US.1"), ("phone", "43")])
    assert found["current"] == "43"


async def test_two_contacts_that_the_platform_says_are_one_become_one_and_stay_so(database: Database) -> None:
    everybody = Everybody(database)
    await everybody.meet([met("43"), met("US.1", after_s=1)])
    for _ in range(2):
        await everybody.meet([met("43", "US.1", after_s=2)])
    found = await people(database)
    assert (found["whatsapp:43"].get("merged"), found["whatsapp:US.1"]["merged"]["into"]) == (None, "whatsapp:43")
    assert not await everybody.unmerge("whatsapp:US.1")


async def test_many_routers_that_meet_somebody_at_once_know_one_contact(database: Database) -> None:
    meetings = [met("43", "US.1"), met("US.1", "43"), met("43"), met("US.1")] * 3
    await asyncio.gather(*(_surely(Everybody(database).meet, [one]) for one in meetings))
    found = await Everybody(database).among(["whatsapp:43"])
    assert {*found.names("whatsapp:43")} == {"whatsapp:43", "whatsapp:US.1"}
    assert sorted(v for d in (await people(database)).values() for v in values(d)) == [
        ("bsuid", "US.1"),
        ("phone", "43"),
    ]


async def test_unmerging_leaves_every_document_as_it_was_before_merging(database: Database) -> None:
    everybody = Everybody(database)
    await everybody.meet([met("43", "US.1"), Met("telegram", "42", (), "Tea", NOON)])
    before = await people(database)
    assert await everybody.merge("whatsapp:43", MERGED)
    assert not await everybody.merge("whatsapp:43", Merged("telegram:1", "other", NOON))
    assert [await everybody.unmerge("whatsapp:43") for _ in range(2)] == [True, False]
    assert await people(database) == before


async def test_who_is_merged_answers_in_the_conversation_that_reached_them(outside: Outside) -> None:
    """A message to telegram:42 went to their WhatsApp; what they say there is from telegram:42."""
    scene = outside.scene
    everybody = Everybody(scene.database)
    await come(outside, said("hi", 1), said("hi", 1, chat=43))
    (with_tea, _), (with_43, _) = await place(outside, 1), await place(outside, 1, chat=43)
    await everybody.merge("telegram:43", MERGED)
    await outside.delivered(7, with_tea, "telegram:42", chat=43)
    await come(outside, said("here", 2, chat=43))
    assert await place(outside, 2, chat=43) == (with_tea, "telegram:42")
    await everybody.unmerge("telegram:43")
    await come(outside, said("there", 3, chat=43))
    assert await place(outside, 3, chat=43) == (with_43, "telegram:43")


async def test_what_a_merged_person_says_first_begins_as_whom_they_are(outside: Outside) -> None:
    await come(outside, said("hi", 1))
    everybody = Everybody(outside.scene.database)
    await everybody.meet([Met("telegram", "43", (), "Tea", NOON)])
    await everybody.merge("telegram:43", MERGED)
    await come(outside, said("me again", 1, chat=43))
    first, _ = await place(outside, 1)
    assert await place(outside, 1, chat=43) == (first, "telegram:42")


async def come(outside: Outside, *updates: Record) -> None:
    """As the bus hands them over."""
    assert await _surely(outside.inbound().handle, updates) == []


async def _surely(handle: Callable[[Sequence[T]], Awaitable[object]], batch: Sequence[T]) -> object:
    """As the bus does: again, while something does not answer, or many change the same at once."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await handle(batch)
            except Retry:
                await asyncio.sleep(0.1)


async def place(outside: Outside, number: int, chat: int = 42) -> tuple[str, str]:
    """The conversation to which this message of the platform went, and as whose."""
    found = await outside.scene.database["arrivals"].find_one({"external_id": f"{chat}/{number}"}, comment=BY_A_TEST)
    assert found
    return found["conversation_id"], found["from"]


async def test_a_message_to_a_person_goes_to_the_address_of_each_channel(outside: Outside) -> None:
    scene, everybody = outside.scene, Everybody(outside.scene.database)
    await everybody.meet([Met("telegram", "42", (), "Tea", NOON), met("43", "US.1")])
    conversation = await outside.conversation(scene.ana, "telegram:42")
    assert await reached(scene, conversation, "whatsapp") == {("whatsapp", None)}
    await everybody.merge("whatsapp:43", MERGED)
    assert await reached(scene, conversation, "whatsapp") == {("whatsapp", "43")}
    assert await reached(scene, conversation, "all") == {("telegram", "42"), ("whatsapp", "43")}
    await everybody.meet([met("US.1", after_s=1)])
    assert await reached(scene, conversation, "whatsapp") == {("whatsapp", "US.1")}
    await everybody.unmerge("whatsapp:43")
    assert await reached(scene, conversation, "all") == {("telegram", "42")}


async def reached(scene: Scene, conversation: str, channel: str) -> set[tuple[str, Any]]:
    """(channel, address) to which a message goes, as it is stored."""
    event = message(conversation, scene.ana, "hi", None, channel)
    await _surely(scene.messages().handle, [record(encode(event))])
    stored = await scene.database["messages"].find_one({"_id": event.message_id})
    assert stored
    return {(target["channel"], target["address"]) for target in stored["targets"]}


async def test_who_maps_the_address_of_a_contact_has_what_is_said_from_then_on(outside: Outside) -> None:
    """What was said before stays where it is, and the user sees none of it."""
    await come(outside, said("before", 1))
    outside.mapped["42"] = outside.scene.bo
    await come(outside, said("after", 2))
    (before, contact), (after, user) = await place(outside, 1), await place(outside, 2)
    assert (contact, user) == ("telegram:42", outside.scene.bo)
    assert before != after
    del outside.mapped["42"]
    await come(outside, said("given up", 3))
    assert await place(outside, 3) == (before, "telegram:42")
