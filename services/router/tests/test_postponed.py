"""What takes time delays its own address alone, in order there, whatever happens meanwhile."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from prometheus_client import REGISTRY

from connectors.sdk import Refused, Unreachable
from libs.common.bus import Record
from libs.common.clock import now
from libs.common.events import MessageEvent, SentFile, Text, encode
from services.router.handlers import Backlogs, postponed
from services.router.tests.platform import IDS, Outside, changed, said, sent, taken_back
from services.router.tests.scene import Scene, record
from services.router.waiting import Waiting

TEA, CHO = "telegram/main/42", "telegram/main/43"
MENU = b"soup, bread, tea"


@pytest.fixture
async def outside(scene: Scene) -> AsyncIterator[Outside]:
    async with httpx.AsyncClient(timeout=60) as http:
        made = Outside(scene, http, inbox=scene.ana)
        made.bot.files["menu"] = MENU
        yield made


def shown(events: list[MessageEvent], by: int = 42) -> list[str]:
    """What one of them has said, in order: messages of several conversations may come in any."""
    said = [e for e in events if e.sender == f"telegram:{by}"]
    return [e.payload.file.filename if isinstance(e.payload, SentFile) else words(e) for e in said]


def words(event: MessageEvent) -> str:
    assert isinstance(event.payload, Text)
    return event.payload.text


def edit(number: int, text: str) -> Record:
    head = {"message_id": number, "date": 1, "edit_date": 2, "chat": {"id": 42}, "from": {"id": 42}}
    return changed("edited_message", {**head, "text": text})


def edited_later(number: int, text: str) -> Record:
    head = {"message_id": number, "date": 1, "edit_date": 3, "chat": {"id": 42}, "from": {"id": 42}}
    return changed("edited_message", {**head, "text": text})


async def store(outside: Outside, count: int) -> None:
    events = await outside.published(count)
    await outside.scene.messages().handle([record(encode(event)) for event in events])


async def text_of(outside: Outside, number: int) -> str:
    message_id = IDS.of("telegram", "main", f"42/{number}")
    found = await outside.scene.database["messages"].find_one({"_id": message_id})
    assert found is not None
    return str(found["payload"]["text"])


async def test_a_file_holds_back_what_follows_from_its_address_and_nobody_else(outside: Outside) -> None:
    batch = [said("one", 3), sent(4, "menu"), said("two", 5), said("hi", 3, chat=43)]
    assert await outside.come(*batch) == []
    before = await outside.published(2)
    assert (shown(before), shown(before, by=43)) == (["one"], ["hi"])
    assert await outside.wait(TEA, CHO) == [False, False]
    assert shown(await outside.published(4)) == ["one", "menu.txt", "two"]


async def test_what_comes_later_waits_too_and_overtakes_nothing(outside: Outside) -> None:
    outside.bot.files["menu"] = Unreachable("ConnectError")
    await outside.come(sent(4, "menu"))
    assert await outside.wait(TEA) == [True]
    await outside.come(said("two", 5), said("hi", 3, chat=43))
    assert shown(await outside.published(1), by=43) == ["hi"]
    outside.bot.files["menu"] = MENU
    await outside.wait(TEA)
    assert shown(await outside.published(3)) == ["menu.txt", "two"]


async def test_how_much_waits_and_for_how_long_is_shown_for_each_account(outside: Outside) -> None:
    waiting = Waiting(outside.scene.database)
    outside.bot.files["menu"] = Unreachable("ConnectError")
    await outside.come(sent(4, "menu"), said("two", 5), sent(4, "menu", chat=43), said("hi", 3, chat=44))
    an_hour_ago = {"$set": {"kept_at": now() - timedelta(hours=1)}}
    await outside.scene.database["inbound_waiting"].update_one({"lane": TEA, "tries": 0}, an_hour_ago)
    await Backlogs(waiting, [("telegram", "main"), ("telegram", "second")]).show()
    assert shown_of("parley_inbound_waiting") == {"main": 3, "second": 0}
    oldest = shown_of("parley_inbound_waiting_seconds")
    assert oldest["main"] >= 3600
    assert oldest["second"] == 0
    outside.bot.files["menu"] = MENU
    await outside.wait(TEA, CHO)
    assert (await waiting.backlog("telegram", "main")).updates == 0


def shown_of(gauge: str) -> dict[str, float]:
    """By account."""
    (family,) = [each for each in REGISTRY.collect() if each.name == gauge]
    return {
        sample.labels["account"]: sample.value for sample in family.samples if sample.labels["channel"] == "telegram"
    }


async def test_its_file_is_of_who_sent_it_and_of_the_message(outside: Outside) -> None:
    outside.mapped = {"42": outside.scene.bo}
    await outside.come(sent(4, "menu", caption="Today"))
    await outside.wait(TEA)
    (event,) = await outside.published(1)
    ((arrived_as, kept),) = outside.shelf.kept.items()
    assert (arrived_as, kept["owner"]) == (event.message_id, outside.scene.bo)
    assert kept["conversation_id"] == event.conversation_id
    assert isinstance(event.payload, SentFile)
    assert event.payload.caption == "Today"


async def test_one_that_comes_again_after_a_crash_is_the_same_file_and_the_same_message(outside: Outside) -> None:
    once = sent(4, "menu")
    await outside.come(once)
    await outside.wait(TEA)
    await outside.come(once)
    await outside.wait(TEA)
    first, second = await outside.published(2)
    assert first == second
    assert len(outside.shelf.kept) == 1
    assert outside.bot.opened == ["menu"]


async def test_what_is_not_to_be_had_arrives_as_a_text_and_what_follows_goes_on(outside: Outside) -> None:
    outside.bot.files["menu"] = Refused("not_found", "gone")
    await outside.come(sent(4, "menu", caption="Today"), said("two", 5))
    await outside.wait(TEA)
    assert shown(await outside.published(2)) == ["[menu.txt: the platform does not have it any more]\nToday", "two"]


async def test_what_fails_every_time_goes_to_quarantine_and_what_follows_goes_on(outside: Outside) -> None:
    await outside.come(sent(4, "no such ref"), said("two", 5))
    assert [await outside.wait(TEA) for _ in range(postponed.TRIES)][:-1] == [[True]] * (postponed.TRIES - 1)
    assert shown(await outside.published(1)) == ["two"]


async def test_who_has_no_inbox_has_their_file_in_quarantine(outside: Outside) -> None:
    outside.inbox = ""
    await outside.come(sent(4, "menu"))
    assert await outside.wait(TEA) == [False]
    assert outside.shelf.kept == {}


async def test_a_new_caption_changes_the_caption_alone(outside: Outside) -> None:
    await outside.come(sent(4, "menu", caption="Today"))
    await outside.wait(TEA)
    await store(outside, 1)
    document = {"file_id": "menu", "file_name": "menu.txt", "file_size": len(MENU)}
    head = {"message_id": 4, "date": 1, "edit_date": 2, "chat": {"id": 42}, "from": {"id": 42}}
    await outside.come(changed("edited_message", {**head, "document": document, "caption": "Tomorrow"}))
    found = await outside.scene.database["messages"].find_one({"_id": IDS.of("telegram", "main", "42/4")})
    assert found is not None
    assert (found["payload"]["caption"], found["payload"]["file"]["filename"]) == ("Tomorrow", "menu.txt")
    assert outside.bot.opened == ["menu"]


async def test_an_edit_that_brings_another_file_has_it_fetched(outside: Outside) -> None:
    outside.bot.files["evening"] = b"wine"
    await outside.come(sent(4, "menu"))
    await outside.wait(TEA)
    await store(outside, 1)
    document = {"file_id": "evening", "file_name": "evening.txt", "file_size": 4}
    head = {"message_id": 4, "date": 1, "edit_date": 2, "chat": {"id": 42}, "from": {"id": 42}}
    await outside.come(changed("edited_message", {**head, "document": document}))
    assert await outside.wait(TEA) == [False]
    found = await outside.scene.database["messages"].find_one({"_id": IDS.of("telegram", "main", "42/4")})
    assert found is not None
    assert found["payload"]["file"]["filename"] == "evening.txt"
    assert len(outside.shelf.kept) == 2


async def test_a_change_waits_for_its_message_and_delays_its_address_alone(outside: Outside) -> None:
    await outside.come(said("helo", 3))
    assert await outside.come(edit(3, "hello"), said("hi", 3, chat=43)) == []
    before = await outside.published(2)
    assert (shown(before), shown(before, by=43)) == (["helo"], ["hi"])
    assert await outside.wait(TEA) == [True]
    await store(outside, 2)
    assert await outside.wait(TEA) == [False]
    assert await text_of(outside, 3) == "hello"


async def test_a_change_waits_no_longer_than_it_may_take(outside: Outside) -> None:
    await outside.come(said("helo", 3))
    await outside.come(edit(3, "hello"), said("two", 4), edit(4, "too"))
    assert await outside.wait(TEA) == [True]
    ago = {"$set": {"tried_first_at": now() - timedelta(seconds=postponed.STORED_WITHIN_S + 1)}}
    await outside.scene.database["inbound_waiting"].update_one({"lane": TEA, "tries": 1}, ago)
    assert await outside.wait(TEA) == [True]
    assert await outside.quarantined(1) == ["message_not_stored"]
    assert shown(await outside.published(2)) == ["helo", "two"]


async def test_a_pressed_button_is_answered(outside: Outside) -> None:
    message = {"message_id": 8, "date": 1, "chat": {"id": 42}}
    query = {"id": "a-query", "from": {"id": 42}, "message": message, "data": "yes"}
    inbound = outside.inbound()
    await inbound.handle([changed("callback_query", query)])
    assert inbound.answering.waiting.get_nowait() == (("telegram", "main"), "a-query")


async def test_edits_that_come_before_their_message_change_it_when_it_is_stored(outside: Outside) -> None:
    assert await outside.come(edit(3, "hello")) == []
    await outside.come(edited_later(3, "hello!"), edit(3, "hello"))
    await outside.come(said("helo", 3))
    assert await outside.wait(TEA) == [True]
    await store(outside, 1)
    assert await outside.wait(TEA) == [False]
    assert await text_of(outside, 3) == "hello!"


async def test_an_early_edit_of_what_is_taken_back_is_forgotten(outside: Outside) -> None:
    await outside.come(edit(3, "my number is 42"), taken_back(3), edited_later(3, "my number is 43"))
    own_id = IDS.of("telegram", "main", "42/3")
    assert await outside.scene.database["early_edits"].find_one({"_id": own_id}) is None


async def test_messages_that_come_by_a_lane_meet_their_early_edits_too(outside: Outside) -> None:
    await outside.come(edit(5, "hello"), sent(4, "menu"), said("helo", 5))
    await outside.wait(TEA)
    await store(outside, 2)
    await outside.wait(TEA)
    assert await text_of(outside, 5) == "hello"
