"""Conversations, their pages and marks, to the letter."""

import asyncio
import secrets

import pytest

from tests.contract.conftest import Caller, NewCaller
from tests.contract.test_everywhere import TIME, is_problem

FIELDS = {
    "conversation_id",
    "type",
    "title",
    "members",
    "created_by",
    "created_at",
    "last_sequence",
    "unread_count",
    "last_message",
}


async def test_a_pair_has_one_conversation(ana: Caller, cy: Caller) -> None:
    body = {"type": "private", "members": [cy.name]}
    first = await ana.post("/v1/conversations", body)
    again = await cy.post("/v1/conversations", {"type": "private", "members": [ana.name, cy.name]})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["conversation_id"] == again.json()["conversation_id"]
    assert first.json().keys() >= FIELDS
    assert sorted(first.json()["members"]) == sorted([ana.name, cy.name])
    assert TIME.fullmatch(first.json()["created_at"])


async def test_a_group_is_new_each_time_and_has_a_title(ana: Caller, bo: Caller, cy: Caller) -> None:
    body = {"type": "group", "members": [bo.name, cy.name], "title": "Lunch 🥗"}
    first, second = await ana.post("/v1/conversations", body), await ana.post("/v1/conversations", body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["conversation_id"] != second.json()["conversation_id"]
    group = first.json()
    assert (group["type"], group["title"], group["created_by"]) == ("group", "Lunch 🥗", ana.name)
    assert (group["last_sequence"], group["unread_count"], group["last_message"]) == (0, 0, None)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "private", "members": []},
        {"type": "private", "members": ["{ana}"]},
        {"type": "private", "members": ["{bo}", "{cy}"]},
        {"type": "group", "members": []},
        {"type": "group", "members": ["{ana}"]},
        {"type": "channel", "members": ["{bo}"]},
        {"type": "private"},
        {"members": ["{bo}"]},
        {"type": "private", "members": "bo"},
        {"type": "group", "members": ["{bo}"], "title": ""},
        {"type": "group", "members": ["{bo}"], "title": "a\x00b"},
    ],
)
async def test_a_conversation_of_the_wrong_form_is_422(
    ana: Caller, bo: Caller, cy: Caller, body: dict[str, object]
) -> None:
    names = {"{ana}": ana.name, "{bo}": bo.name, "{cy}": cy.name}
    members = body.get("members")
    filled = body | {"members": [names[m] for m in members]} if isinstance(members, list) else body
    assert is_problem(await ana.post("/v1/conversations", filled), 422)


@pytest.mark.parametrize("kind", ["private", "group"])
async def test_an_unknown_member_is_422(ana: Caller, kind: str) -> None:
    body = {"type": kind, "members": [f"nobody{secrets.token_hex(4)}"]}
    assert is_problem(await ana.post("/v1/conversations", body), 422, "unknown_member")


async def test_the_list_has_the_newest_activity_first_in_pages(new_caller: NewCaller, bo: Caller, cy: Caller) -> None:
    ana = await new_caller()
    made = [await ana.opens(bo, cy, kind="group", title=str(n)) for n in range(5)]
    sent = await ana.sends(made[1], "newest")
    await ana.status(sent["message_id"])
    async with asyncio.timeout(60):
        while (await ana.get("/v1/conversations", limit=1)).json()["items"][0]["conversation_id"] != made[1]:
            await asyncio.sleep(0.05)
    items, cursor = [], None
    while True:
        page = (await ana.get("/v1/conversations", limit=2, **({"cursor": cursor} if cursor else {}))).json()
        items += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert sorted(i["conversation_id"] for i in items) == sorted(made)
    assert len(items) == 5
    newest = (await ana.get(f"/v1/conversations/{made[1]}")).json()
    assert newest["last_sequence"] == 1
    assert newest["last_message"]["payload"]["text"] == "newest"
    assert is_problem(await ana.get("/v1/conversations", cursor="rubbish"), 422)


async def test_history_is_paged_both_ways(ana: Caller, bo: Caller, cy: Caller) -> None:
    group = await ana.opens(bo, cy, kind="group")
    for n in range(1, 8):
        sent = await ana.sends(group, str(n))
    await ana.status(sent["message_id"])
    path = f"/v1/conversations/{group}/messages"

    async def page(**query: object) -> tuple[list[int], dict[str, object]]:
        answer = (await bo.get(path, **query)).json()
        items = answer.pop("items")
        return [i["sequence_number"] for i in items], answer

    assert await page(limit=3) == ([1, 2, 3], {"next_since": 3})
    assert await page(limit=3, since=3) == ([4, 5, 6], {"next_since": 6})
    assert await page(since=6) == ([7], {"next_since": 7})
    assert await page(since=7) == ([], {"next_since": 7})
    assert await page(order="desc", limit=3) == ([7, 6, 5], {"next_before": 5})
    assert await page(order="desc", limit=3, before=5) == ([4, 3, 2], {"next_before": 2})
    assert await page(order="desc", before=2) == ([1], {"next_before": 1})
    assert await page(order="desc", before=1) == ([], {"next_before": 1})
    assert is_problem(await bo.get(path, order="up"), 422)
    assert is_problem(await bo.get(path, since=-1), 422)


async def test_unread_are_the_messages_of_others_above_the_mark(ana: Caller, bo: Caller, cy: Caller) -> None:
    group = await ana.opens(bo, cy, kind="group")
    for n in range(3):
        await ana.sends(group, str(n))
    last = await bo.sends(group, "mine")
    await ana.status(last["message_id"])

    async def unread(caller: Caller) -> int:
        return int((await caller.get(f"/v1/conversations/{group}")).json()["unread_count"])

    assert [await unread(c) for c in (ana, bo, cy)] == [1, 3, 4]
    device = await bo.online()
    answer = await bo.post(f"/v1/conversations/{group}/read", {"sequence_number": 2})
    assert answer.status_code == 202
    await device.first("receipt", conversation_id=group, username=bo.name, status="READ", sequence_number=2)
    assert [await unread(c) for c in (ana, bo, cy)] == [1, 1, 4]


@pytest.mark.parametrize("body", [{}, {"sequence_number": 0}, {"sequence_number": -1}, {"sequence_number": "1"}, []])
async def test_a_mark_is_a_positive_number(ana: Caller, bo: Caller, body: object) -> None:
    conversation = await ana.opens(bo)
    assert is_problem(await ana.post(f"/v1/conversations/{conversation}/read", body), 422)
