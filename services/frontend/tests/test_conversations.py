"""Opening, showing and listing conversations, at the door of HTTP."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.clock import now
from libs.common.conversations import record_activity
from libs.common.tests.scans import BY_A_TEST
from services.frontend.domain import UNREAD_WINDOW, count_from
from services.frontend.tests.conftest import Caller, Json, Scene


async def test_a_private_conversation_is_opened_with_the_caller_in_it(scene: Scene, ana: Caller, bo: Caller) -> None:
    answer = await ana.post("/v1/conversations", {"type": "private", "members": [scene.name("bo")]})
    assert answer.status_code == 201
    conversation = answer.json()
    assert conversation.pop("conversation_id")
    assert conversation.pop("created_at").endswith("Z")
    assert conversation == {
        "type": "private",
        "title": None,
        "members": [scene.name("ana"), scene.name("bo")],
        "created_by": scene.name("ana"),
        "last_sequence": 0,
        "unread_count": 0,
        "last_message": None,
    }


async def test_the_same_pair_has_one_conversation_whoever_asks(scene: Scene, ana: Caller, bo: Caller) -> None:
    first = await ana.post("/v1/conversations", {"type": "private", "members": [scene.name("bo")], "title": "us"})
    again = await bo.post("/v1/conversations", {"type": "private", "members": [scene.name("bo"), scene.name("ana")]})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


async def test_a_pair_that_asks_at_once_gets_one_conversation(scene: Scene, ana: Caller, bo: Caller) -> None:
    opened = await asyncio.gather(*(ana.open(scene.name("bo")) for _ in range(5)))
    assert len(set(opened)) == 1


async def test_a_stranger_without_account_is_no_member_until_they_register(scene: Scene, ana: Caller) -> None:
    wanted = {"type": "private", "members": [scene.name("ana"), scene.name("zoe")]}
    refused = await ana.post("/v1/conversations", wanted)
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_member")
    assert [e["pointer"] for e in refused.json()["errors"]] == ["/members/1"]
    await scene.user("zoe")
    assert (await ana.post("/v1/conversations", wanted)).status_code == 201


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"type": "group", "members": []}, "invalid_field", "/members"),
        ({"type": "group", "members": [f"user{n}" for n in range(256)]}, "invalid_field", "/members"),
        ({"type": "group", "members": ["bo", "cy"], "title": ""}, "invalid_field", "/title"),
        ({"type": "party", "members": ["bo"]}, "invalid_field", "/type"),
        ({"type": "private", "members": []}, "invalid_field", "/members"),
        ({"type": "private", "members": ["bo", "cy"]}, "invalid_field", "/members"),
        ({"type": "private", "members": "bo"}, "invalid_field", "/members"),
        ({"type": "private", "members": ["bo", 7]}, "invalid_field", "/members/1"),
        ({"type": "private"}, "invalid_field", "/members"),
        ({"type": "private", "members": ["bo"], "title": ""}, "invalid_field", "/title"),
        ({"type": "private", "members": ["bo"], "title": "x" * 129}, "invalid_field", "/title"),
        ({"type": "private", "members": ["bo"], "title": "a\0b"}, "invalid_field", "/title"),
        ({"type": "group", "members": ["bo"], "title": " \u3000"}, "invalid_field", "/title"),
        ({"type": "group", "members": ["bo"], "title": "lunch\nleo: yes"}, "invalid_field", "/title"),
        ({"type": "group", "members": ["bo"], "title": "\x1b[31mlunch"}, "invalid_field", "/title"),
        ({"type": "group", "members": ["bo"], "title": "lunch \u202efdp.exe"}, "invalid_field", "/title"),
        ({"type": "private", "members": ["no\0body"]}, "unknown_member", "/members/0"),
        ({"type": "private", "members": ["../users/bo"]}, "unknown_member", "/members/0"),
        ([], "invalid_field", ""),
    ],
)
async def test_what_is_no_conversation_is_refused_with_a_pointer(
    ana: Caller, body: object, code: str, pointer: str
) -> None:
    answer = await ana.post("/v1/conversations", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("title", ["Lunch 🥗", "👩‍🚀 and 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "می‌خواهم", "café à midi", "‏שלום"])
async def test_a_title_may_be_in_any_script(ana: Caller, scene: Scene, title: str) -> None:
    await scene.user("bo")
    answer = await ana.post("/v1/conversations", {"type": "group", "members": [scene.name("bo")], "title": title})
    assert (answer.status_code, answer.json()["title"]) == (201, title)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"type": "private", "members": ["\\ud800"]}', "application/json", 400),
        (b'{"type": "private", "members": ["\xff"]}', "application/json", 400),
        (b'{"x": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", "application/json", 400),
        (b'{"type": "private", "members": ["bo"], "x": "' + b"y" * 70_000 + b'"}', "application/json", 413),
        (b"type=private", "application/x-www-form-urlencoded", 415),
    ],
)
async def test_what_cannot_be_read_is_refused(ana: Caller, body: bytes, content_type: str, status: int) -> None:
    answer = await ana.post_raw("/v1/conversations", body, content_type)
    assert answer.status_code == status


async def test_nobody_sees_a_conversation_of_others(scene: Scene, ana: Caller, bo: Caller, mallory: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    assert (await bo.get(f"/v1/conversations/{conversation_id.upper()}")).status_code == 200
    for path in (conversation_id, f"{conversation_id}/messages", "not-an-id", "not-an-id/messages"):
        assert (await mallory.get(f"/v1/conversations/{path}")).status_code == 404
    refused = await mallory.post(f"/v1/conversations/{conversation_id}/read", {"sequence_number": 1})
    assert refused.status_code == 404
    assert scene.outbox.receipts == []
    assert (await mallory.get("/v1/conversations")).json() == {"items": [], "next_cursor": None}


async def test_nobody_is_let_in_without_a_token(scene: Scene) -> None:
    answer = await scene.http.get("/v1/conversations")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_conversation_shows_its_last_message_and_what_is_unread(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    await ana.send(conversation_id, "one", "two", "three")
    await bo.send(conversation_id, "four")
    await scene.store()
    await scene.receipt(conversation_id, "bo", "READ", 1)
    await scene.receipt(conversation_id, "ana", "DELIVERED", 4)

    shown = (await bo.get(f"/v1/conversations/{conversation_id}")).json()
    assert (shown["last_sequence"], shown["unread_count"]) == (4, 2)
    assert (shown["last_message"]["payload"]["text"], shown["last_message"]["status"]) == ("four", "DELIVERED")
    assert (await ana.get(f"/v1/conversations/{conversation_id}")).json()["unread_count"] == 1


async def test_unread_messages_are_counted_to_999(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    await ana.send(conversation_id, "one")
    await scene.store()
    first = await scene.database["messages"].find_one({"conversation_id": conversation_id})
    assert first
    more = [{**first, "_id": f"{first['_id']}-{n}", "sequence_number": n} for n in range(2, 1003)]
    await scene.database["messages"].insert_many(more)
    shown = (await bo.get(f"/v1/conversations/{conversation_id}")).json()
    assert (shown["last_sequence"], shown["unread_count"]) == (1002, 999)


@given(st.integers(0, 50_000), st.integers(0, 50_000))
def test_what_is_unread_is_looked_for_above_the_mark_and_not_too_far_back(mark: int, last: int) -> None:
    assert max(mark, last - count_from(mark, last)) <= max(mark, UNREAD_WINDOW)
    assert count_from(mark, last) == mark or last - mark > UNREAD_WINDOW


async def test_the_list_goes_from_the_newest_activity_to_the_oldest(scene: Scene, ana: Caller) -> None:
    opened = await _open_many(scene, ana, 5)
    await record_activity(scene.database, {opened[1]: (1, now() + timedelta(seconds=1))})
    shown = await _pages(ana, limit=2)
    assert [len(page) for page in shown] == [2, 2, 1]
    assert [c["conversation_id"] for page in shown for c in page] == [opened[i] for i in (1, 4, 3, 2, 0)]


async def test_conversations_of_one_instant_are_listed_once_each(scene: Scene, ana: Caller) -> None:
    opened = await _open_many(scene, ana, 5)
    await scene.database["conversations"].update_many({}, {"$set": {"last_activity": now()}}, comment=BY_A_TEST)
    shown = await _pages(ana, limit=1)
    assert sorted(c["conversation_id"] for page in shown for c in page) == sorted(opened)


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 201}, {"limit": "many"}, {"cursor": "?"}, {"cursor": "YWJj"}, {"cursor": ""}]
)
async def test_a_page_that_cannot_be_is_refused(ana: Caller, query: Json) -> None:
    answer = await ana.get("/v1/conversations", **query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/query/{next(iter(query))}"


async def test_a_read_mark_is_accepted_and_published(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    answer = await bo.post(f"/v1/conversations/{conversation_id}/read", {"sequence_number": 3})
    assert answer.status_code == 202
    (receipt,) = scene.outbox.receipts
    assert (receipt.username, receipt.status, receipt.sequence_number) == (scene.name("bo"), "READ", 3)


@pytest.mark.parametrize("number", [0, -1, 2**63, 2**70, 1.5, "1", None, True])
async def test_a_read_mark_that_is_no_number_is_refused(scene: Scene, ana: Caller, bo: Caller, number: object) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    answer = await ana.post(f"/v1/conversations/{conversation_id}/read", {"sequence_number": number})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/sequence_number")
    assert scene.outbox.receipts == []


async def _open_many(scene: Scene, caller: Caller, count: int) -> list[str]:
    opened = []
    for number in range(count):
        await scene.user(f"friend{number}")
        opened.append(await caller.open(scene.name(f"friend{number}")))
        # Each a second after the one before, so that the order is theirs alone.
        await scene.database["conversations"].update_many({"_id": {"$ne": opened[-1]}}, _A_SECOND_EARLIER)
    return opened


_A_SECOND_EARLIER = [{"$set": {"last_activity": {"$subtract": ["$last_activity", 1000]}}}]


async def _pages(caller: Caller, limit: int) -> list[list[Json]]:
    pages, query = [], {"limit": str(limit)}
    while True:
        page = (await caller.get("/v1/conversations", **query)).json()
        pages.append(page["items"])
        if page["next_cursor"] is None:
            return pages
        query["cursor"] = page["next_cursor"]
