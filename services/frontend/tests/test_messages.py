"""Sending and reading messages, at the door of HTTP."""

import asyncio

import pytest

from conftest import PATIENCE_S
from libs.common import events
from libs.common.clock import new_id
from services.frontend.tests.conftest import Caller, Json, Scene


async def test_an_accepted_message_is_published_under_its_conversation(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    answer = await ana.say(conversation_id, "hi", metadata={"a": [1, None]})
    assert answer.status_code == 202
    ((topic, key, _),) = scene.outbox.records
    (event,) = scene.outbox.messages
    assert (topic, key) == (events.MESSAGE_EVENTS, conversation_id)
    assert (event.sender, event.to, event.payload) == (scene.name("ana"), None, events.Text(text="hi"))
    assert answer.json() == {
        "message_id": event.message_id,
        "conversation_id": conversation_id,
        "status": "ACCEPTED",
        "accepted_at": event.accepted_at,
    }


async def test_ids_are_taken_in_any_case_and_shown_in_lower_case(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    message_id = new_id()
    answer = await ana.say(conversation_id.upper(), "hi", message_id=message_id.upper())
    await scene.store()
    assert (answer.json()["message_id"], answer.json()["conversation_id"]) == (message_id, conversation_id)
    assert (await bo.get(f"/v1/messages/{message_id.upper()}")).json()["message_id"] == message_id


async def test_a_retry_is_accepted_again_and_other_content_is_a_conflict(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    message_id = new_id()
    answers = [await ana.say(conversation_id, text, message_id=message_id) for text in ("hi", "hi", "ho")]
    assert [a.status_code for a in answers] == [202, 202, 409]
    assert answers[2].json()["code"] == "message_id_conflict"


async def test_a_stranger_may_not_write(scene: Scene, ana: Caller, bo: Caller, mallory: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    assert (await ana.say(conversation_id, "hi")).status_code == 202
    assert (await mallory.say(conversation_id, "hi")).status_code == 404
    assert (await ana.say(new_id(), "hi")).status_code == 404
    assert (await ana.say(conversation_id, "hi", **{"from": scene.name("bo")})).status_code == 403
    assert len(scene.outbox.messages) == 1


async def test_a_member_of_a_conversation_that_was_unknown_before_may_write(
    scene: Scene, ana: Caller, bo: Caller
) -> None:
    """A negative answer is never kept."""
    conversation_id = new_id()
    assert (await ana.say(conversation_id, "hi")).status_code == 404
    opened = await scene.database["conversations"].find_one({"_id": await ana.open(scene.name("bo"))})
    assert opened
    await scene.database["conversations"].insert_one({**opened, "_id": conversation_id, "pair": "another pair"})
    assert (await ana.say(conversation_id, "hi")).status_code == 202


@pytest.mark.parametrize(
    ("body", "content_type", "authorization", "status", "code"),
    [
        (b"{}", "application/json", "", 401, "unauthenticated"),
        (b"{}", "application/json", "Bearer nonsense", 401, "unauthenticated"),
        (b"{}", "application/json", "Basic YTpi", 401, "unauthenticated"),
        (b"a=b", "application/x-www-form-urlencoded", None, 415, "unsupported_media_type"),
        (b"{}", "", None, 415, "unsupported_media_type"),
        (b"{", "application/json", None, 400, "malformed"),
        (b"\xff\xfe", "application/json", None, 400, "malformed"),
        (b"{}", "Application/JSON; charset=utf-8", None, 422, "invalid_field"),
        (b'"' + b"x" * 70_000 + b'"', "application/json", None, 413, "too_large"),
    ],
)
async def test_what_cannot_be_accepted_is_said_as_a_problem(
    ana: Caller, body: bytes, content_type: str, authorization: str | None, status: int, code: str
) -> None:
    if authorization is not None:
        ana.headers = {"authorization": authorization}
    answer = await ana.post_raw("/v1/messages", body, content_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("status_wait_s", [PATIENCE_S])
async def test_asked_for_right_after_its_202_a_message_is_waited_for(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    message_id = (await ana.say(conversation_id, "hi")).json()["message_id"]
    asked = asyncio.create_task(ana.get(f"/v1/messages/{message_id}"))
    await scene.store()
    assert (await asked).json()["payload"] == {"type": "text", "text": "hi"}


async def test_a_message_is_shown_to_members_and_to_nobody_else(
    scene: Scene, ana: Caller, bo: Caller, mallory: Caller
) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    answer = await ana.say(conversation_id, "hi", metadata={"n": 1.0, "text": "ü"}, reply_to=new_id())
    message_id = answer.json()["message_id"]
    assert (await ana.get(f"/v1/messages/{message_id}")).status_code == 404
    await scene.store()
    for caller, status in ((ana, 200), (bo, 200), (mallory, 404)):
        assert (await caller.get(f"/v1/messages/{message_id}")).status_code == status
    event = scene.outbox.messages[0]
    assert (await bo.get(f"/v1/messages/{message_id}")).json() == {
        "message_id": message_id,
        "conversation_id": conversation_id,
        "sequence_number": 1,
        "from": scene.name("ana"),
        "to": [scene.name("bo")],
        "channels": ["internal"],
        "payload": {"type": "text", "text": "hi"},
        "reply_to": event.reply_to,
        "metadata": {"n": 1.0, "text": "ü"},
        "status": "SENT",
        "created_at": event.accepted_at,
    }


@pytest.mark.parametrize(
    ("query", "numbers", "next_field", "next_number"),
    [
        ({}, [1, 2, 3, 4, 5], "next_since", 5),
        ({"since": 1, "limit": 2}, [2, 3], "next_since", 3),
        ({"since": 5}, [], "next_since", 5),
        ({"since": 9}, [], "next_since", 9),
        ({"since": 1, "before": 4}, [2, 3], "next_since", 3),
        ({"order": "desc"}, [5, 4, 3, 2, 1], "next_before", 1),
        ({"order": "desc", "limit": 2}, [5, 4], "next_before", 4),
        ({"order": "desc", "before": 4, "limit": 2}, [3, 2], "next_before", 2),
        ({"order": "desc", "before": 1}, [], "next_before", 1),
        ({"order": "desc", "before": 0}, [], "next_before", 0),
        ({"order": "desc", "before": 2**63 - 1, "limit": 1}, [5], "next_before", 5),
        ({"order": "desc", "before": 5, "since": 2}, [4, 3], "next_before", 3),
        ({"since": 2**63 - 1}, [], "next_since", 2**63 - 1),
        ({"since": 3, "before": 3}, [], "next_since", 3),
        ({"before": 0}, [], "next_since", 0),
        ({"since": 0, "limit": 200}, [1, 2, 3, 4, 5], "next_since", 5),
    ],
)
async def test_history_is_paged_both_ways(
    scene: Scene, ana: Caller, bo: Caller, query: Json, numbers: list[int], next_field: str, next_number: int
) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    await ana.send(conversation_id, *"abcde")
    await scene.store()
    page = (await bo.get(f"/v1/conversations/{conversation_id}/messages", **query)).json()
    assert [m["sequence_number"] for m in page["items"]] == numbers
    assert page[next_field] == next_number


@pytest.mark.parametrize(
    "query",
    [
        *({"limit": said} for said in (0, 201, "", "5.0", "1e2")),
        *({"since": said} for said in (-1, 2**63, 2**64, 10**30, "x", "1.0", "+1", " 1", "1_0", "\u0661", "0x1", "")),
        *({"before": said} for said in (-1, 2**63, "1.0", "null")),
        {"order": "up"},
        {"order": ""},
    ],
)
async def test_a_page_of_history_that_cannot_be_is_refused(scene: Scene, ana: Caller, bo: Caller, query: Json) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    answer = await ana.get(f"/v1/conversations/{conversation_id}/messages", **query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/query/{next(iter(query))}"


async def test_history_shows_how_far_each_message_has_got(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    await ana.send(conversation_id, *"abc")
    await scene.store()
    await scene.receipt(conversation_id, "bo", "DELIVERED", 2)
    await scene.receipt(conversation_id, "bo", "READ", 1)
    page = (await ana.get(f"/v1/conversations/{conversation_id}/messages")).json()
    assert [m["status"] for m in page["items"]] == ["READ", "DELIVERED", "SENT"]


async def test_an_empty_conversation_has_an_empty_history(scene: Scene, ana: Caller, bo: Caller) -> None:
    conversation_id = await ana.open(scene.name("bo"))
    path = f"/v1/conversations/{conversation_id}/messages"
    assert (await ana.get(path)).json() == {"items": [], "next_since": 0}
    assert (await ana.get(path, order="desc")).json() == {"items": [], "next_before": None}
