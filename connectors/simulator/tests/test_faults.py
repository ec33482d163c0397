"""What goes wrong on purpose: each fault hits what it is meant for, no more often, and ends."""

import asyncio
import random
import time

import httpx
import pytest

from connectors.simulator.faults import MEANING, Fault, Faults
from connectors.simulator.tests.hook import Hook
from connectors.simulator.tests.scene import Clock, Platform, running


def faults(clock: Clock | None = None) -> Faults:
    return Faults(clock or Clock(), random.Random(7))


def test_a_fault_of_a_chat_hits_that_chat_alone() -> None:
    standing = faults()
    standing.add(Fault("flood", chat=42))
    assert standing.hit_either("flood", chat=42)
    assert not standing.hit_either("flood", chat=43)
    assert not standing.hit("flood")


def test_a_fault_everywhere_hits_every_chat_until_it_is_used_up() -> None:
    standing = faults()
    standing.add(Fault("flood", times=2))
    hits = [bool(standing.hit_either("flood", chat=chat)) for chat in (1, 2, 3)]
    assert hits == [True, True, False]
    assert standing.current() == []


def test_a_fault_ends_with_its_time() -> None:
    clock = Clock()
    standing = faults(clock)
    standing.add(Fault("reset", for_s=10))
    assert standing.hit("reset")
    clock.now += 10
    assert not standing.hit("reset")


def test_a_share_of_calls_is_hit() -> None:
    standing = faults()
    standing.add(Fault("reset", share=0.3))
    assert 200 < sum(standing.hit("reset") is not None for _ in range(1_000)) < 400


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_flood_wait_is_told_in_the_answer_and_in_its_header(platform: Platform, everywhere: bool) -> None:
    ana, bo = await platform.person("ana"), await platform.person("bo")
    scope = {} if everywhere else {"chat": ana}
    await platform.sim("faults", kind="flood", seconds=7, times=2, **scope)
    answer = await platform.answer("sendMessage", chat_id=ana, text="hi")
    assert answer.json() == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 7",
        "parameters": {"retry_after": 7},
    }
    assert answer.headers["retry-after"] == "7"
    assert (await platform.answer("sendMessage", chat_id=bo, text="hi")).is_success is not everywhere
    assert await platform.call("getMe")


async def test_who_sends_too_fast_is_told_to_wait(platform: Platform) -> None:
    ana = await platform.person("ana")
    await platform.sim("limits", "PUT", chat=0.001, chat_burst=2)
    sent = [(await platform.answer("sendMessage", chat_id=ana, text="hi")).status_code for _ in range(4)]
    assert sent == [200, 200, 429, 429]


async def test_a_chat_may_be_blocked_without_its_person(platform: Platform) -> None:
    ana, bo = await platform.person("ana"), await platform.person("bo")
    await platform.sim("faults", kind="blocked", chat=ana)
    assert await platform.refused("sendMessage", chat_id=ana, text="hi") == "403 Forbidden: bot was blocked by the user"
    assert await platform.call("sendMessage", chat_id=bo, text="hi")
    await platform.sim("faults", "DELETE")
    assert await platform.call("sendMessage", chat_id=ana, text="hi")


async def test_an_outage_answers_with_a_page_and_does_nothing(platform: Platform) -> None:
    ana = await platform.person("ana")
    await platform.sim("faults", kind="error", status=502, times=1)
    answer = await platform.answer("sendMessage", chat_id=ana, text="hi")
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (502, "text/html")
    assert await platform.accepted() == []
    assert await platform.call("sendMessage", chat_id=ana, text="hi")


@pytest.mark.parametrize(("kind", "accepted"), [("reset", 0), ("lost", 1)])
async def test_a_connection_is_reset_before_or_after_the_deed(platform: Platform, kind: str, accepted: int) -> None:
    ana = await platform.person("ana")
    await platform.sim("faults", kind=kind, chat=ana, times=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await platform.answer("sendMessage", chat_id=ana, text="hi")
    assert len(await platform.accepted()) == accepted


async def test_nobody_listens_for_a_while(platform: Platform) -> None:
    await platform.sim("faults", kind="refused", seconds=1)
    refused, end = 0, time.monotonic() + 60
    while time.monotonic() < end:
        try:
            answer = await platform.answer("getMe")
        except httpx.ConnectError:
            refused += 1
        except httpx.HTTPError:
            continue
        else:
            if refused:
                assert answer.is_success
                return
    pytest.fail("the door never opened again")


async def test_an_answer_may_be_late_in_one_chat() -> None:
    """On a platform of its own: what is late would come in another test's chat."""
    async with running() as platform:
        ana, bo = await platform.person("ana"), await platform.person("bo")
        await platform.sim("faults", kind="delay", chat=ana, seconds=10)
        waiting = asyncio.create_task(platform.answer("sendMessage", chat_id=ana, text="hi"))
        await platform.call("sendMessage", chat_id=bo, text="hi")
        assert not waiting.done()
        waiting.cancel()


async def test_a_late_answer_comes(platform: Platform) -> None:
    await platform.sim("faults", kind="delay", seconds=0.3, times=1)
    start = time.monotonic()
    await platform.call("getMe")
    assert time.monotonic() - start >= 0.3


async def test_an_update_may_come_twice(platform: Platform, hook: Hook) -> None:
    await platform.person("ana")
    await platform.sim("faults", kind="double", times=1)
    await platform.call("setWebhook", url=hook.url)
    for text in ("one", "two"):
        await platform.say("ana", text)
    received = await hook.until_received(3)
    assert [each.text for each in received] == ["one", "one", "two"]
    assert received[0].update == received[1].update


async def test_a_late_update_holds_back_its_own_chat_alone(platform: Platform, hook: Hook) -> None:
    ana = await platform.person("ana")
    await platform.person("bo")
    await platform.sim("faults", kind="late", chat=ana, seconds=7, times=1)
    await platform.call("setWebhook", url=hook.url)
    for name, text in (("ana", "one"), ("ana", "two"), ("bo", "three")):
        await platform.say(name, text)
    assert [each.text for each in await hook.until_received(3)] == ["three", "one", "two"]


async def test_disorder_mixes_chats_and_leaves_each_in_order(platform: Platform, hook: Hook) -> None:
    names = [f"p{number}" for number in range(8)]
    for name in names:
        await platform.person(name)
    await platform.sim("faults", kind="disorder", seconds=1)
    await platform.call("setWebhook", url=hook.url)
    for text in ("one", "two"):
        await asyncio.gather(*(platform.say(name, text) for name in names))
    received = await hook.until_received(16)
    ids = [each.update["update_id"] for each in received]
    assert ids != sorted(ids)
    for chat in {each.chat for each in received}:
        assert [each.text for each in received if each.chat == chat] == ["one", "two"]


async def test_faults_are_listed_ended_and_explained(platform: Platform) -> None:
    made = await platform.sim("faults", kind="delay", seconds=1)
    listed = await platform.sim("faults", "GET")
    assert ([each["id"] for each in listed["items"]], listed["kinds"]) == ([made["id"]], MEANING)
    assert await platform.sim(f"faults/{made['id']}", "DELETE") == {"ended": 1}
    assert await platform.sim("faults", "DELETE") == {"ended": 0}


@pytest.mark.parametrize(
    "body", [{}, {"kind": "earthquake"}, {"kind": "delay", "minutes": 1}, {"kind": "delay", "seconds": "1"}]
)
async def test_a_fault_that_makes_no_sense_is_refused(platform: Platform, body: dict[str, object]) -> None:
    answer = await platform.http.post(f"{platform.url}/_sim/telegram/faults", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]
