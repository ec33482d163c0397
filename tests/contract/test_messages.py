"""Messages and what becomes of them, to the letter."""

import asyncio
import uuid
from typing import Any

import pytest

from tests.contract.conftest import PATIENCE_S, Caller, Json
from tests.contract.test_everywhere import TIME, is_problem, pointers

TEXT = {"type": "text", "text": "hi"}
FILE = str(uuid.uuid4())  # nobody's
FIELDS = {
    "message_id",
    "conversation_id",
    "sequence_number",
    "from",
    "to",
    "channels",
    "payload",
    "reply_to",
    "metadata",
    "status",
    "created_at",
}
DELIVERY_FIELDS = {"recipient", "channel", "status", "status_ceiling", "attempts", "updated_at"}


async def test_a_message_is_shown_as_it_was_sent(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    first = await ana.sends(conversation, "first")
    said = {
        "payload": {"type": "location", "latitude": 48.2, "longitude": 16.37, "name": "Wien"},
        "reply_to": first["message_id"],
        "metadata": {"a": [1, {"b": None}], "ä": 1.5, "big": 2**70},
        "to": [bo.name],
        "from": ana.name,
    }
    answer = await ana.post("/v1/messages", {"conversation_id": conversation, **said})
    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted["status"] == "ACCEPTED"
    await ana.status(accepted["message_id"])
    shown = (await bo.get(f"/v1/messages/{accepted['message_id']}")).json()
    assert shown.keys() >= FIELDS
    assert {k: shown[k] for k in said} == said
    assert (shown["channels"], shown["status"]) == (["internal"], "SENT")
    assert TIME.fullmatch(shown["created_at"])


BAD: list[tuple[int, str | None, str | None, dict[str, Any]]] = [
    (422, None, "/payload", {"payload": None}),
    (422, None, None, {"payload": {"type": "text"}}),
    (422, None, "/payload/text", {"payload": {"type": "text", "text": ""}}),
    (422, None, "/payload/text", {"payload": {"type": "text", "text": "a" * 4097}}),
    (422, None, "/payload/text", {"payload": {"type": "text", "text": "a\x00b"}}),
    (422, None, None, {"payload": {"type": "poem", "text": "a"}}),
    (422, None, "/payload/file_id", {"payload": {"type": "file", "file_id": "7"}}),
    (422, None, "/payload/caption", {"payload": {"type": "file", "file_id": FILE, "caption": ""}}),
    (422, None, "/payload/caption", {"payload": {"type": "file", "file_id": FILE, "caption": "a" * 1025}}),
    (404, "not_found", "/payload/file_id", {"payload": {"type": "file", "file_id": FILE}}),
    (422, None, "/payload/latitude", {"payload": {"type": "location", "latitude": 91, "longitude": 0}}),
    (422, "not_a_member", "/to/0", {"to": ["nobody-here"]}),
    (422, None, None, {"to": []}),
    (422, "unknown_channel", "/channels/0", {"channels": ["fax"]}),
    (422, None, None, {"channels": []}),
    (422, None, "/message_id", {"message_id": "7"}),
    (422, None, "/reply_to", {"reply_to": "7"}),
    (422, None, "/metadata", {"metadata": []}),
    (422, None, "/metadata", {"metadata": {"a": "x" * 4097}}),
    (422, None, "/metadata", {"metadata": {"a": [[[[[[[[[1]]]]]]]]]}}),
    (403, None, None, {"from": "somebody-else"}),
]


@pytest.mark.parametrize(("status", "code", "pointer", "fields"), BAD)
async def test_what_is_wrong_is_named(
    ana: Caller, bo: Caller, status: int, code: str | None, pointer: str | None, fields: dict[str, Any]
) -> None:
    body = {"conversation_id": await ana.opens(bo), "payload": TEXT, **fields}
    answer = await ana.post("/v1/messages", body)
    assert is_problem(answer, status, code)
    if pointer:
        assert pointers(answer)[0].startswith(pointer)


async def test_lengths_count_code_points(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    sent = await ana.sends(conversation, "👋" * 4096)
    await ana.status(sent["message_id"])
    assert (await bo.get(f"/v1/messages/{sent['message_id']}")).json()["payload"]["text"] == "👋" * 4096


async def test_more_than_64_kib_is_413(ana: Caller, bo: Caller) -> None:
    body = {"conversation_id": await ana.opens(bo), "payload": TEXT, "padding": "a" * 65536}
    assert is_problem(await ana.post("/v1/messages", body), 413)


async def test_the_same_id_is_stored_once_and_other_content_is_a_conflict(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    mine = str(uuid.uuid4())
    sent = [await ana.sends(conversation, "once", message_id=mine) for _ in range(3)]
    assert {s["message_id"] for s in sent} == {mine}
    after = await ana.sends(conversation, "after")
    first = (await ana.status(mine))["sequence_number"]
    assert (await ana.status(after["message_id"]))["sequence_number"] == first + 1
    body = {"conversation_id": conversation, "message_id": mine, "payload": {"type": "text", "text": "other"}}
    assert is_problem(await ana.post("/v1/messages", body), 409, "message_id_conflict")


async def test_a_batch_answers_each_of_its_messages_in_order(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    texts = [{"conversation_id": conversation, "payload": {"type": "text", "text": str(n)}} for n in range(10)]
    texts[3]["payload"] = {"type": "text", "text": ""}
    texts[7]["conversation_id"] = str(uuid.uuid4())
    answer = await ana.post("/v1/messages/batch", {"messages": texts})
    assert answer.status_code == 202, answer.text
    items = answer.json()["items"]
    assert len(items) == 10
    assert [n for n, item in enumerate(items) if "problem" in item] == [3, 7]
    assert (items[3]["problem"]["status"], items[7]["problem"]["status"]) == (422, 404)
    good = [items[n] for n in range(10) if n not in (3, 7)]
    assert {i["status"] for i in good} == {"ACCEPTED"}
    numbers = [(await ana.status(i["message_id"]))["sequence_number"] for i in good]
    assert numbers == list(range(numbers[0], numbers[0] + 8))


@pytest.mark.parametrize("count", [0, 101])
async def test_a_batch_has_1_to_100_messages(ana: Caller, bo: Caller, count: int) -> None:
    message = {"conversation_id": await ana.opens(bo), "payload": TEXT}
    assert is_problem(await ana.post("/v1/messages/batch", {"messages": [message] * count}), 422)


async def test_a_status_rises_to_read(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    hers, his = await ana.online(), await bo.online()
    sent = await ana.sends(conversation, "hi")
    report = await ana.status(sent["message_id"])
    assert report["status"] == "SENT"
    assert [h["status"] for h in report["status_history"]] == ["ACCEPTED", "SENT"]
    (delivery,) = report["deliveries"]
    assert delivery.keys() >= DELIVERY_FIELDS
    assert (delivery["recipient"], delivery["channel"], delivery["status_ceiling"]) == (bo.name, "internal", "READ")
    number = report["sequence_number"]
    for frame, status in (("ack", "DELIVERED"), ("read", "READ")):
        his.say({"type": frame, "conversation_id": conversation, "sequence_number": number})
        await hers.first(
            "receipt", conversation_id=conversation, username=bo.name, status=status, sequence_number=number
        )
        report = await ana.status(sent["message_id"])
        assert (report["status"], report["deliveries"][0]["status"]) == (status, status)
    assert [h["status"] for h in report["status_history"]] == ["ACCEPTED", "SENT", "DELIVERED", "READ"]


async def test_a_group_message_is_delivered_when_each_recipient_has_it(ana: Caller, bo: Caller, cy: Caller) -> None:
    group = await ana.opens(bo, cy, kind="group")
    hers = await ana.online()
    sent = await ana.sends(group, "all")
    await ana.status(sent["message_id"])  # nobody can have what is not stored
    statuses = []
    for member in (bo, cy):
        device = await member.online()
        device.say({"type": "ack", "conversation_id": group, "sequence_number": 1})
        await hers.first("receipt", conversation_id=group, username=member.name, status="DELIVERED")
        report = await ana.status(sent["message_id"])
        statuses.append((report["status"], {d["recipient"]: d["status"] for d in report["deliveries"]}))
    assert statuses == [
        ("SENT", {bo.name: "DELIVERED", cy.name: "SENT"}),
        ("DELIVERED", {bo.name: "DELIVERED", cy.name: "DELIVERED"}),
    ]


async def test_to_says_who_is_addressed_not_who_may_see(ana: Caller, bo: Caller, cy: Caller) -> None:
    group = await ana.opens(bo, cy, kind="group")
    device = await cy.online()
    sent = await ana.sends(group, "bo, please", to=[bo.name])
    assert (await device.first("message", message_id=sent["message_id"]))["to"] == [bo.name]
    assert [d["recipient"] for d in (await ana.status(sent["message_id"]))["deliveries"]] == [bo.name]


async def test_a_recipient_without_an_address_there_fails_in_the_open(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    hers = await ana.online()
    sent = await ana.sends(conversation, "hi", channels=["whatsapp"])
    frame = await hers.first("status", message_id=sent["message_id"])
    assert (frame["recipient"], frame["channel"], frame["status"]) == (bo.name, "whatsapp", "FAILED")
    assert (frame["message_status"], frame["error"]["code"]) == ("FAILED", "no_address")
    report = await ana.status(sent["message_id"])
    assert report["status"] == "FAILED"
    (delivery,) = report["deliveries"]
    assert delivery.keys() >= DELIVERY_FIELDS
    assert (delivery["status"], delivery["error"]["code"]) == ("FAILED", "no_address")
    assert (await bo.get(f"/v1/messages/{sent['message_id']}")).json()["status"] == "FAILED"


async def test_one_good_channel_is_enough(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    hers, his = await ana.online(), await bo.online()
    sent = await ana.sends(conversation, "hi", channels=["internal", "telegram"])
    await hers.first("status", message_id=sent["message_id"], channel="telegram", status="FAILED")
    report = await ana.status(sent["message_id"])
    assert report["status"] == "SENT"
    assert {d["channel"]: d["status"] for d in report["deliveries"]} == {"internal": "SENT", "telegram": "FAILED"}
    number = report["sequence_number"]
    his.say({"type": "ack", "conversation_id": conversation, "sequence_number": number})
    await hers.first("receipt", conversation_id=conversation, username=bo.name, sequence_number=number)
    assert (await ana.status(sent["message_id"]))["status"] == "DELIVERED"


@pytest.mark.parametrize("asked", ["all", ["all"]])
async def test_all_is_every_channel_that_the_recipient_has(ana: Caller, bo: Caller, asked: object) -> None:
    conversation = await ana.opens(bo)
    address = {"address": str(uuid.uuid4().int % 10**12 + 10**12)}
    assert (await bo.call("PUT", "/v1/users/me/channels/telegram", address)).status_code == 200
    await _eventually_resolved(ana, conversation, asked, ["internal", "telegram"])
    assert (await bo.call("DELETE", "/v1/users/me/channels/telegram")).status_code == 204
    await _eventually_resolved(ana, conversation, asked, ["internal"])


async def _eventually_resolved(ana: Caller, conversation: str, asked: object, expected: list[str]) -> None:
    """A mapping that changed is known everywhere in a moment."""
    shown: Json = {}
    async with asyncio.timeout(PATIENCE_S):
        while shown.get("channels") != expected:
            sent = await ana.sends(conversation, "hi", channels=asked)
            await ana.status(sent["message_id"])
            shown = (await ana.get(f"/v1/messages/{sent['message_id']}")).json()
