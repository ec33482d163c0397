"""The chat socket and presence, to the letter."""

from functools import partial

import pytest

from tests.contract.conftest import Caller, Frames, NewCaller
from tests.contract.test_everywhere import is_problem

TEXT = {"type": "text", "text": "hi"}
HINTS = ("presence", "typing")  # of others, at any time


async def test_ready_is_first_by_header_and_by_frame(ana: Caller) -> None:
    by_header = await ana.socket()
    by_frame = await ana.socket({"type": "auth", "token": ana.tokens["access_token"]})
    for frames in (by_header, by_frame):
        await frames.first("caught_up")
        ready = frames.all[0]
        assert ready["type"] == "ready"
        assert {"connection_id", "username", "epoch", "offset", "recovered"} <= ready.keys()
        assert (ready["username"], ready["recovered"]) == (ana.name, None)


@pytest.mark.parametrize("first", [{"type": "auth", "token": "rubbish"}, {"type": "ping"}, {"type": "auth"}])
async def test_who_does_not_log_in_is_closed_with_4401(ana: Caller, first: dict[str, object]) -> None:
    frames = await ana.socket(first)
    await frames.until(lambda: frames.closed is not None)
    assert frames.closed == 4401


async def test_a_send_is_accepted_and_comes_to_both(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    hers, his = await ana.online(), await bo.online()
    hers.say({"type": "send", "ref": "r1", "conversation_id": conversation, "payload": TEXT})
    accepted = await hers.first("accepted", ref="r1")
    for frames in (hers, his):
        message = await frames.first("message", message_id=accepted["message_id"])
        assert message["from"] == ana.name
        assert isinstance(message["offset"], int)


async def test_a_bad_send_is_rejected_with_its_ref(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    frames = await ana.online()
    frames.say({"type": "send", "ref": "r2", "conversation_id": conversation, "payload": {"type": "text", "text": ""}})
    assert (await frames.first("rejected", ref="r2"))["problem"]["status"] == 422
    frames.say({"type": "send", "ref": "r3", "payload": TEXT})
    assert (await frames.first("rejected", ref="r3"))["problem"]["status"] == 422


async def test_rubbish_is_an_error_and_the_connection_lives(ana: Caller) -> None:
    frames = await ana.online()
    for rubbish in ("{", "[]", '{"type":"dance"}', '{"type":"ack"}', '{"type":"typing","conversation_id":7}'):
        errors = len(frames.of("error"))
        frames.say(rubbish)
        await frames.until(partial(_has_more_than, frames, errors))
    frames.say({"type": "ping"})
    await frames.first("pong")


def _has_more_than(frames: Frames, errors: int) -> bool:
    return len(frames.of("error")) > errors


async def test_pending_comes_in_order_before_caught_up(new_caller: NewCaller, bo: Caller) -> None:
    ana = await new_caller()
    conversation = await bo.opens(ana)
    for n in range(5):
        sent = await bo.sends(conversation, str(n))
    await bo.status(sent["message_id"])
    frames = await ana.online()
    kinds = [f["type"] for f in frames.all if f["type"] not in HINTS]
    assert kinds == ["ready", *["message"] * 5, "caught_up"]
    assert [m["sequence_number"] for m in frames.of("message")] == [1, 2, 3, 4, 5]
    assert {m["offset"] for m in frames.of("message")} == {None}
    assert [m["payload"]["text"] for m in frames.of("message")] == list("01234")


async def test_what_one_device_acknowledged_is_not_pending_for_another(new_caller: NewCaller, bo: Caller) -> None:
    ana = await new_caller()
    conversation = await bo.opens(ana)
    for n in range(3):
        sent = await bo.sends(conversation, str(n))
    await bo.status(sent["message_id"])
    first = await ana.online()
    first.say({"type": "ack", "conversation_id": conversation, "sequence_number": 2})
    await first.first("receipt", conversation_id=conversation, username=ana.name, sequence_number=2)
    second = await ana.online()
    assert [m["sequence_number"] for m in second.of("message")] == [3]


async def test_a_resume_brings_everything_since_the_offset(new_caller: NewCaller, bo: Caller) -> None:
    ana = await new_caller()
    conversation = await bo.opens(ana)
    before = await ana.online()
    await bo.sends(conversation, "seen")
    seen = await before.first("message")
    before.leave()
    epoch = before.of("caught_up")[-1]["epoch"]
    for n in range(3):
        await bo.sends(conversation, f"missed {n}")
    resume = {"epoch": epoch, "offset": seen["offset"]}
    frames = await ana.socket({"type": "auth", "token": ana.tokens["access_token"], "resume": resume})
    await frames.until(lambda: len(frames.of("message")) == 3)
    assert frames.all[0]["recovered"] is True
    assert [m["sequence_number"] for m in frames.of("message")] == [2, 3, 4]
    assert await _resumes(ana, {"epoch": "0" * 40, "offset": 1}) is False
    assert await _resumes(ana, {"epoch": epoch, "offset": 999_999}) is False


async def _resumes(caller: Caller, resume: dict[str, object]) -> bool:
    frames = await caller.socket({"type": "auth", "token": caller.tokens["access_token"], "resume": resume})
    return bool((await frames.first("ready"))["recovered"])


async def test_typing_is_shown_to_the_others(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    hers, his = await ana.online(), await bo.online()
    hint = await hers.goes_on_typing(conversation, his)
    assert hint["username"] == ana.name
    assert "offset" not in hint
    assert not hers.of("typing")


async def test_presence_is_for_people_one_shares_a_conversation_with(
    new_caller: NewCaller, bo: Caller, dee: Caller
) -> None:
    ana = await new_caller()
    await ana.opens(bo)
    watching = await bo.online()

    async def seen(by: Caller) -> dict[str, str]:
        answer = await by.get("/v1/presence", usernames=f"{ana.name},nobody-at-all")
        assert answer.status_code == 200, answer.text
        assert all({"username", "status", "last_seen"} <= i.keys() for i in answer.json()["items"])
        return {i["username"]: i["status"] for i in answer.json()["items"]}

    device = await ana.online()
    await watching.first("presence", username=ana.name, status="online")
    assert await seen(bo) == {ana.name: "online"}
    assert await seen(dee) == {}
    device.leave()
    gone = await watching.first("presence", username=ana.name, status="offline")
    assert gone["last_seen"]
    assert await seen(bo) == {ana.name: "offline"}
    assert is_problem(await bo.get("/v1/presence"), 422)


async def test_a_frame_over_64_kib_is_closed_with_1009(ana: Caller) -> None:
    frames = await ana.online()
    frames.say({"type": "ping", "padding": "a" * 65_536})
    await frames.until(lambda: frames.closed is not None)
    assert frames.closed == 1009


async def test_receipts_come_to_all_devices_of_all_members(ana: Caller, bo: Caller) -> None:
    conversation = await ana.opens(bo)
    devices: list[Frames] = [await ana.online(), await ana.online(), await bo.online(), await bo.online()]
    sent = await ana.sends(conversation, "hi")
    number = (await devices[2].first("message", message_id=sent["message_id"]))["sequence_number"]
    devices[2].say({"type": "read", "conversation_id": conversation, "sequence_number": number})
    for device in devices:
        receipt = await device.first(
            "receipt", conversation_id=conversation, username=bo.name, status="READ", sequence_number=number
        )
        assert isinstance(receipt["offset"], int)
        assert receipt["at"]
