"""Requests for deliveries, against a platform that is simulated: what is stored and told, and what is done again."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec import structs

from conftest import Stack
from connectors.sdk import Outbound, Refused, Sent, Unreachable
from connectors.telegram import Telegram
from libs.common.breaker import Breaker, Permit, Policy, State
from libs.common.clock import new_id, now
from libs.common.events import DeliveryRequest, decode, encode
from services.router.tests.carrying import Post, carrying, with_texts_of
from services.router.tests.scene import Scene


@pytest.fixture
async def post(scene: Scene, stack: Stack, topics: None) -> AsyncIterator[Post]:
    async with carrying(scene, stack) as built:
        yield built


async def test_it_is_sent_stored_and_told(post: Post) -> None:
    await post.scene.connect(post.scene.ana)
    (one,) = await post.queued("hi")
    await post.courier.handle(one)
    found = await post.delivery(one)
    assert (found["status"], found["attempts"], found["account"]) == ("SENT", 1, "main")
    assert [h["status"] for h in found["history"]] == ["QUEUED", "SENT"]
    assert found["external_ids"][0].startswith(f"{post.address}/")
    (said,) = [json.loads(p.body) for p in await post.scene.feed(post.scene.ana) if p.kind == "status"]
    assert (said["status"], said["message_status"]) == ("SENT", "SENT")


async def test_its_time_is_that_at_which_the_call_began_so_a_watermark_of_the_platform_is_later(post: Post) -> None:
    (one,) = await post.queued("hi")
    await post.courier.handle(one)
    (sent,) = [entry for entry in await post.log() if entry["what"] == "sent"]
    assert (await post.delivery(one))["sent_at"].timestamp() <= sent["at"]


async def test_a_request_that_comes_again_is_told_again_and_not_sent(post: Post) -> None:
    (one,) = await post.queued("hi")
    for _ in range(3):
        await post.courier.handle(one)
    assert await post.texts() == ["hi"]
    assert (await post.delivery(one))["attempts"] == 1


async def test_a_refusal_is_final_at_once_and_the_platform_is_not_blamed(post: Post) -> None:
    (one,) = await post.queued("hi")
    await post.sim(f"people/{post.address}/block", {})
    await post.courier.handle(one)
    found = await post.delivery(one)
    assert (found["status"], found["error"]["code"], found.get("uncertain")) == ("FAILED", "blocked", None)


async def test_a_failure_is_tried_again(post: Post) -> None:
    (one,) = await post.queued("hi")
    await post.sim("faults", {"kind": "error", "status": 503, "times": 1})
    await post.courier.handle(one)
    found = await post.delivery(one)
    assert (found["status"], found["attempts"], found["error"]) == ("SENT", 2, None)
    assert await post.texts() == ["hi"]


async def test_an_answer_that_is_lost_leaves_a_doubt_that_is_shown(post: Post) -> None:
    (one,) = await post.queued("hi")
    await post.sim("faults", {"kind": "lost", "times": 1})
    await post.courier.handle(one)
    found = await post.delivery(one)
    assert (found["status"], found["uncertain"]) == ("SENT", True)
    assert await post.texts() == ["hi", "hi"]


async def test_after_the_last_attempt_it_is_dead_and_a_replay_begins_anew(post: Post) -> None:
    (one,) = await post.queued("hi")
    await post.change(one, attempts=4)
    await post.sim("faults", {"kind": "error", "status": 503, "times": 1})
    await post.courier.handle(one)
    found = await post.delivery(one)
    assert (found["status"], found["attempts"], found["error"]["code"]) == ("FAILED", 5, "unreachable")
    (letter,) = await post.letters(1)
    assert letter["dlq_reason"] == "unreachable"
    await post.courier.handle(post.record(one.value, dlq_origin=letter["dlq_origin"].encode()))
    found = await post.delivery(one)
    assert (found["status"], found["attempts"]) == ("SENT", 1)
    assert [h["status"] for h in found["history"]] == ["QUEUED", "FAILED", "QUEUED", "SENT"]


@pytest.mark.parametrize("state", [State.CLOSED, State.HALF_OPEN])
async def test_what_waits_for_too_long_is_dead_uncalled_and_a_replay_begins_a_new_age(post: Post, state: State) -> None:
    first, second = await post.queued("1", "2")
    await post.change(first, history=[{"status": "QUEUED", "at": now() - timedelta(hours=24)}])
    post.line.breaker.state = state
    for one in (first, second):
        await post.courier.handle(one)
    found = await post.delivery(first)
    assert (found["status"], found["attempts"], found["error"]["code"]) == ("FAILED", 0, "expired")
    assert await post.texts() == ["2"]
    (letter,) = await post.letters(1)
    assert letter["dlq_reason"] == "expired"
    await post.courier.handle(post.record(first.value, dlq_origin=letter["dlq_origin"].encode()))
    assert (await post.delivery(first))["status"] == "SENT"


async def test_what_was_under_way_when_somebody_died_is_sent_again_and_says_so(post: Post) -> None:
    (one,) = await post.queued("hi")
    await post.change(one, in_flight_until=now() - timedelta(seconds=1))
    await post.courier.handle(one)
    found = await post.delivery(one)
    assert (found["status"], found["uncertain"], found["attempts"]) == ("SENT", True, 2)


async def test_what_was_under_way_twice_when_somebody_died_is_not_sent_a_third_time(post: Post) -> None:
    (one,) = await post.queued("hi")
    await post.change(one, in_flight_until=now() - timedelta(seconds=1), uncertain=True, unknown=1)
    await post.courier.handle(one)
    found = await post.delivery(one)
    assert (found["status"], found["error"]["code"], found["uncertain"]) == ("FAILED", "in_doubt", True)
    assert await post.texts() == []
    (letter,) = await post.letters(1)
    assert letter["dlq_reason"] == "in_doubt"


async def test_answers_that_are_lost_twice_leave_no_third_copy(post: Post) -> None:
    (one,) = await post.queued("hi")
    await post.sim("faults", {"kind": "lost", "times": 5})
    await post.courier.handle(one)
    found = await post.delivery(one)
    assert (found["status"], found["uncertain"], found["attempts"]) == ("FAILED", True, 2)
    assert await post.texts() == ["hi", "hi"]


async def test_what_another_has_under_way_is_waited_for(post: Post) -> None:
    (one,) = await post.queued("hi")
    await post.change(one, in_flight_until=now() + timedelta(seconds=60))
    _, _ = await asyncio.gather(post.courier.handle(one), post.change(one, status="SENT"))
    assert await post.texts() == []


async def test_pieces_that_are_there_are_not_sent_again(post: Post) -> None:
    (one,) = await post.queued("word " * 800)
    post.line.capabilities = with_texts_of(1000)
    await post.change(one, pieces=3)
    await post.courier.handle(one)
    found = await post.delivery(one)
    assert (found["status"], found["adapted"]) == ("SENT", ["text_split"])
    assert len(found["external_ids"]) == len(await post.texts()) == 1


@pytest.mark.parametrize("account", ["main", "other"])
async def test_an_answer_points_at_what_came_by_the_same_account(post: Post, account: str) -> None:
    await post.sim(f"people/{post.address}/say", {"text": "hello?"})
    (said,) = [e for e in (await post.log()) if e["what"] == "said"]
    asked = new_id()
    external_id = f"{post.address}/{said['message_id']}"
    arrived = {"_id": asked, "channel": "telegram", "account": account, "external_id": external_id}
    await post.scene.database["arrivals"].insert_one(arrived)
    (one,) = await post.queued("yes")
    request = structs.replace(decode(DeliveryRequest, one.value), reply_to=asked)
    await post.courier.handle(post.record(encode(request)))
    (sent,) = [e for e in (await post.log()) if e["what"] == "sent"]
    assert sent.get("reply_to") == (said["message_id"] if account == "main" else None)


class Forgetful(Telegram):
    """It has no message any more; of what is sent, the second is not taken at first."""

    calls = 0

    async def send_message(self, message: Outbound) -> Sent:
        if message.reply_to:
            raise Refused("bad_request", "message to be replied not found")
        self.calls += 1
        if self.calls == 2:
            raise Unreachable("it is away", uncertain=False)
        return await super().send_message(message)


@pytest.mark.parametrize(("text", "adapted"), [("yes", []), ("yes " * 400, ["text_split"])])
async def test_what_answers_a_message_that_is_gone_there_goes_as_no_answer(
    post: Post, text: str, adapted: list[str]
) -> None:
    """That is said also where a later piece of it is tried again."""
    post.line.connector = Forgetful(post.http, post.settings)
    post.line.capabilities = with_texts_of(1000)
    asked = new_id()
    arrived = {"_id": asked, "channel": "telegram", "account": "main", "external_id": f"{post.address}/77"}
    await post.scene.database["arrivals"].insert_one(arrived)
    (one,) = await post.queued(text)
    await post.courier.handle(post.record(encode(structs.replace(decode(DeliveryRequest, one.value), reply_to=asked))))
    found = await post.delivery(one)
    assert (found["status"], found["adapted"]) == ("SENT", [*adapted, "reply_dropped"])
    assert " ".join(await post.texts()).split() == text.split()


async def test_a_lane_that_waits_makes_room_for_others_while_its_platform_is_away(post: Post) -> None:
    post.line.breaker = Breaker(Policy(least=1, open_s=3600, longest_s=3600))
    (one,) = await post.queued("hi")
    await post.courier.set_aside(one)
    permit = post.line.breaker.admit(post.line.clock())
    assert isinstance(permit, Permit)
    post.line.failed(permit, "another")
    lane = await post.parked.claim()
    assert lane
    async with asyncio.timeout(60):
        assert await post.courier.run_parked(lane) is not None
    assert (await post.delivery(one))["status"] == "QUEUED"


async def test_a_long_wait_leaves_the_lane_and_what_comes_later_joins_it_in_order(post: Post) -> None:
    first, second, third = await post.queued("1", "2", "3")
    await post.sim("faults", {"kind": "flood", "seconds": 3600, "times": 1})
    await post.courier.handle(first)
    await post.courier.handle(second)
    await post.courier.set_aside(third)
    assert await post.texts() == []
    assert await post.parked.claim() is None
    due = (await post.delivery(first))["due_at"] - now()
    assert timedelta(minutes=59) < due < timedelta(minutes=61)
    await post.scene.database["lanes"].update_many({"due_at": {"$exists": True}}, {"$set": {"due_at": now()}})
    lane = await post.parked.claim()
    assert lane
    assert await post.courier.run_parked(lane) is None
    await post.parked.settle(lane, None)
    assert await post.texts() == ["1", "2", "3"]
    found = [await post.delivery(each) for each in (first, second, third)]
    assert [(d["status"], d["attempts"], "parked" in d) for d in found] == [("SENT", 1, False)] * 3
    assert not await post.outbox.has_parked(lane["_id"])


async def test_an_outage_burns_no_attempts_once_the_breaker_is_open(post: Post) -> None:
    post.line.breaker = Breaker(Policy(least=1, open_s=0.1, longest_s=0.2))
    (one,) = await post.queued("hi")
    await post.sim("faults", {"kind": "error", "status": 503, "times": 4})
    await post.courier.handle(one)
    found = await post.delivery(one)
    assert (found["status"], found["attempts"]) == ("SENT", 1)


async def test_what_is_no_request_is_a_dead_letter(post: Post) -> None:
    await post.courier.handle(post.record(b"{}"))
    (letter,) = await post.letters(1)
    assert letter["dlq_reason"] == "malformed"
