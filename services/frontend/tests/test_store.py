"""What the store asks of MongoDB: no question reads more than it shows."""

import base64
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.clock import new_id
from libs.common.errors import Problem
from libs.common.mongo import Database
from services.frontend.domain import Position, from_cursor, to_cursor
from services.frontend.store import ConversationStore, MessageStore, UserDirectory
from services.frontend.tests.conftest import Caller, Scene


async def test_no_call_scans_a_collection_or_a_whole_history(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await _long_history(scene, ana, 300)
    await scene.database.command({"profile": 2})
    for path in (
        "/v1/conversations",
        f"/v1/conversations/{conversation_id}",
        f"/v1/conversations/{conversation_id}/messages?since=100&limit=5",
        f"/v1/conversations/{conversation_id}/messages?order=desc&limit=5",
    ):
        assert (await bo.get(path)).status_code == 200
    message_id = (await bo.get(f"/v1/conversations/{conversation_id}/messages?since=9")).json()["items"][0][
        "message_id"
    ]
    assert (await bo.get(f"/v1/messages/{message_id}/status")).status_code == 200
    await scene.database.command({"profile": 0})

    operations = await scene.database["system.profile"].find({"op": {"$in": ["query", "command", "getmore"]}}).to_list()
    assert len(operations) > 10
    for operation in operations:
        assert "COLLSCAN" not in str(operation.get("planSummary")), operation["command"]
        assert not operation.get("hasSortStage"), operation["command"]
        assert operation.get("docsExamined", 0) <= 50, operation["command"]


async def _long_history(scene: Scene, caller: Caller, length: int) -> str:
    """Everything is read, and every message has a receipt of its own."""
    conversation_id = await caller.open(scene.name("bo"))
    await caller.send(conversation_id, "one")
    await scene.store()
    first: dict[str, Any] | None = await scene.database["messages"].find_one({"conversation_id": conversation_id})
    assert first
    more = [{**first, "_id": new_id(), "sequence_number": n} for n in range(2, length + 1)]
    await scene.database["messages"].insert_many(more)
    for number in range(1, length + 1):
        await scene.receipt(conversation_id, "bo", "READ", number)
    mark = {"_id": f"{conversation_id}:{scene.name('bo')}", "delivered": length, "read": length}
    await scene.database["watermarks"].insert_one(mark)
    return conversation_id


async def test_the_last_message_of_each_conversation_is_found(database: Database) -> None:
    for conversation, length in (("a", 3), ("b", 1), ("c", 2)):
        await database["messages"].insert_many(
            {"_id": f"{conversation}{n}", "conversation_id": conversation, "sequence_number": n}
            for n in range(1, length + 1)
        )
    latest = await MessageStore(database).latest(["a", "b", "none"])
    assert {c: d["_id"] for c, d in latest.items()} == {"a": "a3", "b": "b1"}


async def test_only_what_is_above_the_mark_and_of_others_is_unread(database: Database) -> None:
    await database["messages"].insert_many(
        {"_id": f"a{n}", "conversation_id": "a", "sequence_number": n, "from": "bo" if n % 3 else "ana"}
        for n in range(1, 10)
    )
    store = MessageStore(database)
    assert await store.count_unread("ana", {"a": 4, "b": 0}) == {"a": 3}
    assert await store.count_unread("ana", {"a": 9}) == {}
    assert await store.count_unread("ana", {}) == {}


async def test_a_pair_is_added_once(database: Database) -> None:
    store = ConversationStore(database)
    first, is_new = await store.add({"_id": "1", "pair": "ana bo", "members": ["ana", "bo"]})
    again, is_new_again = await store.add({"_id": "2", "pair": "ana bo", "members": ["ana", "bo"]})
    assert (first["_id"], again["_id"]) == ("1", "1")
    assert (is_new, is_new_again) == (True, False)


async def test_only_accounts_that_exist_are_remembered() -> None:
    accounts = {"/parley/users/ana"}
    asked: list[list[str]] = []

    async def present(keys: Collection[str]) -> set[str]:
        asked.append(sorted(keys))
        return accounts.intersection(keys)

    users = UserDirectory(present)
    assert await users.missing(["ana", "bob"]) == ["bob"]
    accounts.add("/parley/users/bob")
    assert await users.missing(["ana", "bob", "Bob", "bob\0", "a/b"]) == ["Bob", "bob\0", "a/b"]
    assert await users.missing(["ana", "bob"]) == []
    assert asked == [["/parley/users/ana", "/parley/users/bob"], ["/parley/users/bob"]]


@given(st.datetimes(timezones=st.just(UTC)), st.uuids().map(str))
def test_a_cursor_leads_back_to_its_place(at: datetime, conversation_id: str) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert from_cursor(to_cursor(Position(at, conversation_id))) == (at, conversation_id)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_a_made_up_cursor_is_refused_or_a_place(cursor: str) -> None:
    with suppress(Problem):
        assert to_cursor(from_cursor(cursor)) == cursor


@pytest.mark.parametrize(
    "cursor", ["", "bm8gZGF0ZQ", "OTk5OTk5OTk5OTk5OTk5OTk5OTkgYQ", "MSAyIDM", "MV8wIHg", "MDEgeA", "\ud800", "é"]
)
def test_a_cursor_that_is_no_place_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        from_cursor(cursor)
    assert refused.value.status == 422
