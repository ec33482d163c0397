"""What people on platforms say becomes messages, each once, in the conversation where it belongs."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from libs.common.events import Location, Text, encode
from libs.common.messages import recipients
from services.router.tests.platform import IDS, Outside, changed, said, update
from services.router.tests.scene import Scene, record

TEA = "telegram:42"


@pytest.fixture
async def outside(scene: Scene) -> AsyncIterator[Outside]:
    async with httpx.AsyncClient(timeout=60) as http:
        yield Outside(scene, http, inbox=scene.ana)


async def stored(outside: Outside, count: int) -> list[tuple[str, int, str]]:
    """(conversation, number, text) of all, once the router has stored what was published so far."""
    events = await outside.published(count)
    await outside.scene.messages().handle([record(encode(event)) for event in events])
    found = outside.scene.database["messages"].find({"_id": {"$in": [e.message_id for e in events]}})
    return [
        (d["conversation_id"], d["sequence_number"], d["payload"]["text"]) async for d in found.sort("sequence_number")
    ]


async def test_who_writes_first_comes_to_the_inbox_as_a_contact(outside: Outside) -> None:
    assert await outside.come(said("Are you open?", 3)) == []
    (event,) = await outside.published(1)
    assert (event.sender, event.payload, event.channels) == (TEA, Text("Are you open?"), ["internal"])
    conversation = await outside.scene.database["conversations"].find_one({"_id": event.conversation_id})
    assert conversation is not None
    assert (conversation["type"], conversation["members"]) == ("private", sorted([TEA, outside.scene.ana]))
    assert recipients(event, conversation["members"]) == [outside.scene.ana]
    origin = msgspec.json.decode(event.metadata or "")["inbound"]
    assert origin == {
        "channel": "telegram",
        "account": "main",
        "external_id": "42/3",
        "sender": {"address": "42", "name": "Tea"},
    }


async def test_a_text_that_is_longer_than_ours_may_be_says_how_long_it_was(outside: Outside) -> None:
    await outside.come(said("x" * 5_000, 3), said("x" * 4_096, 4))
    cut, whole = await outside.published(2)
    assert cut.payload == Text("x" * 4_095 + "…")
    assert msgspec.json.decode(cut.metadata or "")["inbound"]["shortened_from"] == 5_000
    assert whole.payload == Text("x" * 4_096)
    assert "shortened_from" not in msgspec.json.decode(whole.metadata or "")["inbound"]


async def test_an_update_that_comes_twice_is_one_message(outside: Outside) -> None:
    once = said("Hello?", 3)
    await outside.come(once, once)
    await outside.come(once)
    assert [(number, text) for _, number, text in await stored(outside, 3)] == [(1, "Hello?")]


async def test_what_somebody_says_next_follows_in_the_same_conversation(outside: Outside) -> None:
    await outside.come(said("one", 3), said("two", 4))
    await outside.come(said("three", 5))
    found = await stored(outside, 3)
    assert [(number, text) for _, number, text in found] == [(1, "one"), (2, "two"), (3, "three")]
    assert len({conversation for conversation, _, _ in found}) == 1


async def test_an_answer_goes_where_the_message_it_answers_stands(outside: Outside) -> None:
    outside.mapped = {"42": outside.scene.bo}
    first = await outside.conversation(outside.scene.ana, outside.scene.bo)
    later = await outside.conversation(outside.scene.bo, "cho")
    asked = await outside.delivered(8, first, outside.scene.bo)
    await outside.delivered(9, later, outside.scene.bo)
    await outside.come(said("Yes", 10, reply_to=8))
    (event,) = await outside.published(1)
    assert (event.conversation_id, event.reply_to, event.sender) == (first, asked, outside.scene.bo)


async def test_what_answers_nothing_goes_where_their_address_was_written_to_last(outside: Outside) -> None:
    outside.mapped = {"42": outside.scene.bo}
    await outside.delivered(8, await outside.conversation(outside.scene.ana, outside.scene.bo), outside.scene.bo)
    later = await outside.conversation(outside.scene.bo, "cho")
    await outside.delivered(9, later, outside.scene.bo)
    await outside.come(said("Hi", 10))
    (event,) = await outside.published(1)
    assert (event.conversation_id, event.reply_to, event.sender) == (later, None, outside.scene.bo)


async def test_an_answer_to_something_of_their_own_keeps_its_thread(outside: Outside) -> None:
    await outside.come(said("one", 3), said("two", 4, reply_to=3))
    first, second = await outside.published(2)
    assert second.reply_to == first.message_id == IDS.of("telegram", "main", "42/3")


async def test_where_a_message_went_holds_whatever_is_sent_meanwhile(outside: Outside) -> None:
    outside.mapped = {"42": outside.scene.bo}
    first = await outside.conversation(outside.scene.ana, outside.scene.bo)
    await outside.delivered(8, first, outside.scene.bo)
    once = said("Hi", 10)
    await outside.come(once)
    await outside.delivered(9, await outside.conversation(outside.scene.bo, "cho"), outside.scene.bo)
    await outside.come(once)
    assert {event.conversation_id for event in await outside.published(2)} == {first}


async def test_who_is_no_member_writes_into_no_conversation_of_others(outside: Outside) -> None:
    """The address was bo's when it was written to, and is nobody's now."""
    theirs = await outside.conversation(outside.scene.bo, "cho")
    await outside.delivered(8, theirs, outside.scene.bo)
    await outside.come(said("Who is this?", 10, reply_to=8))
    (event,) = await outside.published(1)
    assert event.conversation_id != theirs
    assert (event.sender, event.reply_to) == (TEA, None)


async def test_a_group_there_speaks_with_one_voice(outside: Outside) -> None:
    await outside.come(said("one", 3, chat=-1001, by=42), said("two", 4, chat=-1001, by=43))
    one, two = await outside.published(2)
    assert one.conversation_id == two.conversation_id
    assert {one.sender, two.sender} == {"telegram:-1001"}
    assert msgspec.json.decode(two.metadata or "")["inbound"]["sender"]["address"] == "43"


async def test_a_place_stays_one_and_what_cannot_be_shown_is_named(outside: Outside) -> None:
    head = {"date": 1, "chat": {"id": 42}}
    spot = {**head, "message_id": 3, "location": {"latitude": 48.2, "longitude": 16.4}}
    poll = {**head, "message_id": 4, "poll": {"id": "1"}}
    await outside.come(changed("message", spot), changed("message", poll))
    assert [e.payload for e in await outside.published(2)] == [Location(48.2, 16.4), Text("[poll]")]


async def test_a_poison_update_goes_to_quarantine_and_its_batch_goes_on(outside: Outside) -> None:
    poison = update(b'{"update_id": 1, "message": {"message_id": "three"}}')
    rejected = await outside.come(said("one", 3), poison, record(b"{", "inbound.events"), said("two", 4))
    assert [(r.record, r.reason) for r in rejected[1:]] == [(poison, "unreadable")]
    assert rejected[0].reason == "malformed"
    assert all(r.is_clients_doing for r in rejected)
    assert [e.payload for e in await outside.published(2)] == [Text("one"), Text("two")]


async def test_what_no_connector_expects_is_kept_and_its_batch_goes_on(outside: Outside) -> None:
    deep, strange = update(b"[" * 50_000 + b"]" * 50_000), update(b'"no object"')
    rejected = await outside.come(said("one", 3), deep, strange, said("two", 4))
    assert [(r.record, r.reason) for r in rejected] == [(deep, "unreadable"), (strange, "reading_failed")]
    assert all(r.is_clients_doing for r in rejected)
    assert [e.payload for e in await outside.published(2)] == [Text("one"), Text("two")]


async def test_what_nobody_is_there_to_take_waits_in_quarantine(outside: Outside) -> None:
    nobody = outside.without_inbox()
    first = said("Anybody?", 3)
    assert [r.reason for r in await nobody.come(first)] == ["no_inbox"]
    assert await outside.come(first) == []


async def test_an_account_that_is_gone_leaves_its_updates_in_quarantine(outside: Outside) -> None:
    body = msgspec.json.encode({"update_id": 1})
    assert [r.reason for r in await outside.come(update(body, account="other"))] == ["account_not_configured"]


async def test_updates_of_no_concern_are_passed_over(outside: Outside) -> None:
    assert await outside.come(changed("poll", {"id": "1"})) == []
