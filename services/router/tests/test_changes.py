"""What people on platforms do to messages: stored with them, told to all who see them, and the same when told again."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from libs.common.bus import Record
from libs.common.clock import now
from libs.common.events import encode
from libs.common.messages import encode as encode_message
from libs.common.messages import from_document
from libs.common.mongo import Document
from services.router.changes import Changes
from services.router.tests.platform import IDS, Outside, changed, said, standing
from services.router.tests.scene import Scene, record

TEA = "telegram:42"
THEIRS = IDS.of("telegram", "main", "42/3")


@pytest.fixture
async def outside(scene: Scene) -> AsyncIterator[Outside]:
    """Tea has written "helo" to ana's inbox, and it is stored; ana is connected."""
    await scene.connect(scene.ana)
    async with httpx.AsyncClient(timeout=60) as http:
        made = Outside(scene, http, inbox=scene.ana)
        await made.come(said("helo", 3))
        await store(made)
        yield made


async def store(outside: Outside) -> None:
    await outside.scene.messages().handle([record(encode(event)) for event in await outside.published(1)])


async def shown(outside: Outside) -> Document:
    found = await outside.scene.database["messages"].find_one({"_id": THEIRS})
    assert found
    document: Document = msgspec.json.decode(encode_message(from_document(found, "SENT")))
    return document


async def told(outside: Outside, kind: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(p.body) for p in await outside.scene.feed(outside.scene.ana) if p.kind == kind]


def edited(text: str, at: int = 1_700_000_100) -> Record:
    head = {"message_id": 3, "date": 1_700_000_000, "edit_date": at, "chat": {"id": 42}}
    return changed("edited_message", {**head, "from": {"id": 42}, "text": text})


def reacted(*emoji: str, by: int = 42) -> Record:
    shown = [{"type": "emoji", "emoji": e} for e in emoji]
    head = {"message_id": 3, "date": 1_700_000_100, "chat": {"id": 42}}
    return changed("message_reaction", {**head, "user": {"id": by}, "old_reaction": [], "new_reaction": shown})


async def test_an_edit_changes_the_message_and_is_told(outside: Outside) -> None:
    assert await outside.come(edited("hello")) == []
    message = await shown(outside)
    assert (message["payload"]["text"], message["edited_at"]) == ("hello", "2023-11-14T22:15:00.000Z")
    (frame,) = await told(outside, "edited")
    assert frame == {
        "message_id": THEIRS,
        "conversation_id": message["conversation_id"],
        "sequence_number": 1,
        "payload": {"type": "text", "text": "hello"},
        "edited_at": message["edited_at"],
    }


async def test_an_older_edit_that_comes_late_changes_nothing(outside: Outside) -> None:
    await outside.come(edited("hello!", at=1_700_000_200), edited("hello"))
    assert (await shown(outside))["payload"]["text"] == "hello!"
    assert len(await told(outside, "edited")) == 1


async def test_an_edit_that_comes_twice_is_one(outside: Outside) -> None:
    once = edited("hello")
    await outside.come(once)
    await outside.come(once)
    first, again = await told(outside, "edited")
    assert first == again


async def test_reactions_are_those_that_stand_now(outside: Outside) -> None:
    await outside.come(reacted("👍"))
    assert (await shown(outside))["reactions"] == [{"username": TEA, "reactions": ["👍"]}]
    await outside.come(reacted("🎉", "👍"), reacted())
    assert "reactions" not in await shown(outside)
    assert [frame["reactions"] for frame in await told(outside, "reacted")] == [["👍"], ["🎉", "👍"], []]


async def test_a_button_of_ours_is_pressed_by_its_recipient(outside: Outside) -> None:
    message = await shown(outside)
    await outside.delivered(9, message["conversation_id"], TEA)
    delivery = await outside.scene.database["deliveries"].find_one({"_id": {"$gt": ""}})
    assert delivery
    await outside.scene.database["deliveries"].update_one({"_id": delivery["_id"]}, {"$set": {"message_id": THEIRS}})
    pressed = {"id": "1", "from": {"id": 42}, "message": {"message_id": 9, "chat": {"id": 42}}, "data": "yes"}
    twice = changed("callback_query", pressed)
    await outside.come(twice)
    await outside.come(twice)
    (press,) = (await shown(outside))["pressed"]
    assert (press["username"], press["data"]) == (TEA, "yes")
    assert {frame["data"] for frame in await told(outside, "pressed")} == {"yes"}


async def test_what_is_taken_back_is_gone_for_good(outside: Outside) -> None:
    changes = Changes(outside.scene.database)
    assert await changes.unsend(THEIRS, {"type": "text", "text": "[unsent]"}, now())
    assert await outside.come(edited("still here?")) == []
    message = await shown(outside)
    assert (message["payload"]["text"], "edited_at" in message) == ("[unsent]", False)
    assert message["unsent_at"]


async def test_changes_of_what_was_never_ours_are_passed_over(outside: Outside) -> None:
    head = {"message_id": 77, "date": 1, "edit_date": 2, "chat": {"id": 42}, "from": {"id": 42}}
    assert await outside.come(changed("edited_message", {**head, "text": "?"})) == []


async def test_a_stranger_changes_nothing(outside: Outside) -> None:
    """The address is somebody else's by now."""
    outside.mapped = {"42": "cho"}
    assert await outside.come(reacted("👎")) == []
    assert "reactions" not in await shown(outside)


async def test_whether_an_address_can_be_reached_is_noted_and_the_newest_word_holds(outside: Outside) -> None:
    await outside.come(standing("kicked", 1_700_000_200), standing("member", 1_700_000_100))
    (found,) = await outside.scene.database["contacts"].find({"_id": "telegram/main/42"}).to_list()
    assert found["reach"]["refusal"] == "blocked"
