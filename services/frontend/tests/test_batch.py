"""Many messages in one request: each is accepted or refused alone, in the order given."""

import json
from typing import Any

import pytest

from libs.common.clock import new_id
from services.frontend.tests.conftest import Caller, Json, Scene

KIB = 1024


def text(conversation_id: str, words: str, **more: object) -> Json:
    return {"conversation_id": conversation_id, "payload": {"type": "text", "text": words}, **more}


async def batch(caller: Caller, *messages: object) -> list[Json]:
    answer = await caller.post("/v1/messages/batch", {"messages": messages})
    assert answer.status_code == 202, answer.text
    items: list[Json] = answer.json()["items"]
    return items


def said(scene: Scene) -> list[str]:
    return [getattr(event.payload, "text", "") for event in scene.outbox.messages]


async def test_a_batch_is_published_and_answered_in_its_order(scene: Scene, ana: Caller, bo: Caller) -> None:
    one, other = await ana.open(scene.name("bo")), await ana.open_group(scene.name("bo"))
    items = await batch(ana, text(one, "a", message_id=new_id().upper()), text(other, "b"), text(one, "c"))
    events = scene.outbox.messages
    assert said(scene) == ["a", "b", "c"]
    assert items == [
        {
            "message_id": event.message_id,
            "conversation_id": conversation_id,
            "status": "ACCEPTED",
            "accepted_at": event.accepted_at,
        }
        for event, conversation_id in zip(events, (one, other, one), strict=True)
    ]


async def test_a_bad_message_fails_alone_and_says_where(scene: Scene, ana: Caller, bo: Caller) -> None:
    c = await ana.open(scene.name("bo"))
    bad: list[tuple[Any, int, str, str | None]] = [
        (text(c, ""), 422, "invalid_field", "/payload/text"),
        (text(c, "x", to=["zoe"]), 422, "not_a_member", "/to/0"),
        (text(c, "x", channels=["fax"]), 422, "unknown_channel", "/channels/0"),
        (text(c, "x", message_id="1"), 422, "invalid_field", "/message_id"),
        (text(c, "x", metadata={"a": [[[[[[[[1]]]]]]]]}), 422, "invalid_field", "/metadata"),
        ({"conversation_id": c}, 422, "invalid_field", "/payload"),
        ({"conversation_id": c, "payload": {"type": "file", "file_id": c}}, 404, "not_found", "/payload/file_id"),
        ({"conversation_id": c, "payload": {"type": "file", "file_id": "7"}}, 422, "invalid_field", "/payload/file_id"),
        (7, 422, "invalid_field", ""),
        (None, 422, "invalid_field", ""),
        ([], 422, "invalid_field", ""),
        (text(c, "x", **{"from": "zoe"}), 403, "from_mismatch", None),
        (text(new_id(), "x"), 404, "not_found", None),
        (text(c, "x" * 4000, **{f"pad{n}": "y" * 4000 for n in range(16)}), 413, "too_large", None),
    ]
    items = await batch(ana, text(c, "first"), *(message for message, *_ in bad), text(c, "last"))
    problems = [item["problem"] for item in items[1:-1]]
    assert [(p["status"], p["code"]) for p in problems] == [(status, code) for _, status, code, _ in bad]
    assert [p["errors"][0]["pointer"] if "errors" in p else None for p in problems] == [where for *_, where in bad]
    assert [p["instance"] for p in problems[:2]] == [f"/v1/messages/batch#/messages/{n}" for n in (1, 2)]
    assert said(scene) == ["first", "last"]


async def test_a_batch_of_bad_messages_alone_is_answered_item_by_item(ana: Caller) -> None:
    items = await batch(ana, {}, text(new_id(), "x"))
    assert [item["problem"]["status"] for item in items] == [422, 404]


@pytest.mark.parametrize("count", [0, 101])
async def test_a_batch_has_1_to_100_messages(scene: Scene, ana: Caller, bo: Caller, count: int) -> None:
    c = await ana.open(scene.name("bo"))
    answer = await ana.post("/v1/messages/batch", {"messages": [text(c, "x")] * count})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/messages")
    assert scene.outbox.records == []


async def test_100_messages_are_one_batch(scene: Scene, ana: Caller, bo: Caller) -> None:
    c = await ana.open(scene.name("bo"))
    items = await batch(ana, *(text(c, f"{n}") for n in range(100)))
    assert len({item["message_id"] for item in items}) == 100
    assert said(scene) == [f"{n}" for n in range(100)]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed"),
        (b'{"messages": ["\xff"]}', "application/json", 400, "malformed"),
        (b'{"messages": [{]}', "application/json", 400, "malformed"),
        (b"[]", "application/json", 422, "invalid_field"),
        (b"{}", "application/json", 422, "invalid_field"),
        (b'{"messages": {}}', "application/json", 422, "invalid_field"),
        (b'{"messages": [{}]}', "text/plain", 415, "unsupported_media_type"),
    ],
)
async def test_what_is_no_batch_is_refused_as_a_whole(
    ana: Caller, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = await ana.post_raw("/v1/messages/batch", body, content_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(("excess", "status"), [(0, 202), (1, 413)])
async def test_a_batch_is_at_most_one_mebibyte_to_the_byte(
    scene: Scene, ana: Caller, bo: Caller, excess: int, status: int
) -> None:
    body = json.dumps({"messages": [text(await ana.open(scene.name("bo")), "x")]}).encode()
    answer = await ana.post_raw("/v1/messages/batch", body.ljust(KIB * KIB + excess))
    assert answer.status_code == status
    assert len(scene.outbox.records) == (status == 202)


@pytest.mark.parametrize(("excess", "accepted"), [(0, True), (1, False)])
async def test_a_message_of_a_batch_is_at_most_64_kib_to_the_byte(
    scene: Scene, ana: Caller, bo: Caller, excess: int, accepted: bool
) -> None:
    c = await ana.open(scene.name("bo"))
    short = json.dumps(text(c, "x", pad="")).encode()
    long = short.replace(b'"pad": ""', b'"pad": "' + b"y" * (64 * KIB - len(short) + excess) + b'"')
    answer = await ana.post_raw("/v1/messages/batch", b'{"messages": [' + long + b"]}")
    assert ("message_id" in answer.json()["items"][0]) is accepted


async def test_the_same_message_twice_is_one_and_another_under_its_id_is_a_conflict(
    scene: Scene, ana: Caller, bo: Caller
) -> None:
    c, same = await ana.open(scene.name("bo")), new_id()
    first, again, other = await batch(ana, *(text(c, w, message_id=same) for w in ("hi", "hi", "ho")))
    assert first == again
    assert (other["problem"]["status"], other["problem"]["code"]) == (409, "message_id_conflict")
    assert said(scene) == ["hi"]


async def test_a_batch_sent_again_is_accepted_again_and_conflicts_are_found_across_requests(
    scene: Scene, ana: Caller, bo: Caller
) -> None:
    c, ids = await ana.open(scene.name("bo")), [new_id(), new_id()]
    for _ in range(2):
        items = await batch(ana, *(text(c, "hi", message_id=i) for i in ids))
        assert [item["message_id"] for item in items] == ids
    assert (await ana.say(c, "ho", message_id=ids[0])).status_code == 409
    assert (await ana.say(c, "hi", message_id=ids[0])).status_code == 202


async def test_what_kafka_does_not_take_is_said_item_by_item(scene: Scene, ana: Caller, bo: Caller) -> None:
    c, ids = await ana.open(scene.name("bo")), [new_id() for _ in range(3)]
    scene.outbox.refused = {b"two"}
    messages = [text(c, w, message_id=i) for w, i in zip(("one", "two", "three"), ids, strict=True)]
    items = await batch(ana, *messages)
    assert [item.get("message_id") for item in items] == [ids[0], None, ids[2]]
    problem = items[1]["problem"]
    assert (problem["status"], problem["code"], problem["retry_after"]) == (503, "kafka_unavailable", 1)
    scene.outbox.refused = set()
    assert [item["message_id"] for item in await batch(ana, *messages)] == ids


async def test_where_kafka_takes_nothing_the_batch_is_to_be_sent_again(scene: Scene, ana: Caller, bo: Caller) -> None:
    c = await ana.open(scene.name("bo"))
    scene.outbox.refused = {b"text"}
    answer = await ana.post("/v1/messages/batch", {"messages": [text(c, "one"), text(c, ""), text(c, "two")]})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == "kafka_unavailable"


async def test_the_members_of_all_conversations_are_asked_for_at_once(scene: Scene, ana: Caller, bo: Caller) -> None:
    opened = [await ana.open_group(scene.name("bo")) for _ in range(20)]
    await scene.database.command({"profile": 2})
    await batch(ana, *(text(c, "x") for c in (*opened, *opened)))
    await scene.database.command({"profile": 0})
    finds = {"ns": f"{scene.database.name}.conversations", "op": "query"}
    assert await scene.database["system.profile"].count_documents(finds) == 1


async def test_strangers_and_nobody_send_no_batch(scene: Scene, ana: Caller, bo: Caller, mallory: Caller) -> None:
    c = await ana.open(scene.name("bo"))
    (item,) = await batch(mallory, text(c, "x"))
    assert item["problem"]["status"] == 404
    mallory.headers = {}
    assert (await mallory.post("/v1/messages/batch", {"messages": [text(c, "x")]})).status_code == 401
    assert scene.outbox.records == []
