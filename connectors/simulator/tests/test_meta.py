"""What Meta's simulated platforms share: signatures, handshakes, and updates that come together and again."""

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.simulator.faults import Fault, Faults
from connectors.simulator.meta.errors import GraphError
from connectors.simulator.meta.outlet import WEEK_S, Outlet
from connectors.simulator.meta.webhooks import Sender, shake_hands
from connectors.simulator.tests.hook import Hook, answer, status
from connectors.simulator.tests.scene import Clock

SECRET = "appsecret"


def pack(things: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "page", "entry": list(things)}


def outlet(clock: Clock, **more: Any) -> Outlet:
    dice = random.Random(7)
    faults = Faults(clock, dice)
    return Outlet(pack, SECRET, clock, dice, lambda: faults, more.pop("most", 100), **more)


@asynccontextmanager
async def sending(one: Outlet) -> AsyncIterator[Sender]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        sender = Sender(lambda: [one], one.clock, http)
        one.changed = sender.changed
        running = asyncio.create_task(sender.run())
        yield sender
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_request_is_signed_over_its_bytes(hook: Hook) -> None:
    one = outlet(Clock(), url=hook.url)
    async with sending(one):
        one.add("ana", {"n": 1})
        (received,) = await hook.until_received(1)
    body = json.dumps(received.update, separators=(",", ":")).encode()
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert received.headers["x-hub-signature-256"] == f"sha256={expected}"
    assert received.update == pack([{"n": 1}])


async def test_what_happens_while_a_request_is_under_way_goes_together_in_the_next(hook: Hook) -> None:
    one = outlet(Clock(), url=hook.url)
    hook.gate.clear()
    async with sending(one):
        one.add("ana", {"n": 1})
        await hook.until_received(1)
        for n in (2, 3, 4):
            one.add("bo", {"n": n})
        hook.gate.set()
        _, second = await hook.until_received(2)
    assert second.update == pack([{"n": 2}, {"n": 3}, {"n": 4}])
    assert hook.most_at_once == 1


@pytest.mark.parametrize("code", [500, 201, 302, 401])
async def test_whatever_is_not_200_comes_again_whole(hook: Hook, code: int) -> None:
    clock = Clock()
    one = outlet(clock, url=hook.url)
    hook.answers = [status(code)]
    async with sending(one) as sender:
        one.add("ana", {"n": 1})
        await hook.until_received(1)
        async with asyncio.timeout(60):
            while not len(one):
                await asyncio.sleep(0.005)
        clock.now += 1
        sender.changed()
        first, again = await hook.until_received(2)
    assert first.update == again.update


def test_a_failed_event_waits_longer_each_time_and_dies_after_a_week() -> None:
    clock = Clock()
    one, started = outlet(clock), clock.now
    one.add("ana", {})
    waits = []
    while events := one.due():
        one.failed(events, "no")
        wakes_at = one.wakes_at()
        assert wakes_at
        waits.append(wakes_at - clock.now)
        clock.now = wakes_at
    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) == 3600
    assert WEEK_S < clock.now - started <= WEEK_S + 3600
    assert (one.expired, len(one)) == (1, 0)


def test_faults_of_updates_double_delay_and_gather_them() -> None:
    clock = Clock(1_795_000_001.0)
    one = outlet(clock)
    for fault in (
        Fault("double", chat="ana"),
        Fault("late", chat="bo", seconds=5),
        Fault("batch", chat="cy", seconds=10),
    ):
        one.faults().add(fault)
    for chat in ("ana", "bo", "cy"):
        one.add(chat, {"of": chat})
    first = one.due()
    one.taken(first)
    assert [[e.chat for e in first], [e.chat for e in one.due()]] == [["ana"], ["ana"]]
    clock.now += 5
    assert [e.chat for e in one.due()] == ["bo"]
    clock.now = 1_795_000_010.0
    assert [e.chat for e in one.due()] == ["cy"]


def test_what_was_taken_is_told_with_its_first_try_and_the_oldest_is_forgotten() -> None:
    clock = Clock(100.0)
    one = outlet(clock, most=2)
    one.add("ana", {"n": 1})
    one.failed(one.due(), "no")
    assert one.told(0, 10) == {"items": [], "next_after": 0, "lost": 0}
    clock.now = 101.0
    one.taken(one.due())
    (first,) = one.told(0, 10)["items"]
    assert (first.event, first.tried_at, first.taken_at) == ({"n": 1}, 100.0, 101.0)
    for n in (2, 3):
        one.add("bo", {"n": n})
        one.taken(one.due())
    page = one.told(0, 1)
    assert ([t.event["n"] for t in page["items"]], page["next_after"], page["lost"]) == ([2], 2, 1)
    assert [t.event["n"] for t in one.told(2, 10)["items"]] == [3]


@given(st.lists(st.integers(0, 9), max_size=30), st.floats(0, 60))
def test_disorder_loses_nothing(chats: list[int], seconds: float) -> None:
    clock = Clock()
    one = outlet(clock)
    one.faults().add(Fault("disorder", seconds=seconds))
    for n, chat in enumerate(chats):
        one.add(str(chat), {"n": n})
    clock.now += seconds
    assert sorted(event.body["n"] for event in one.due()) == list(range(len(chats)))


def test_what_does_not_fit_drops_the_oldest_and_is_counted() -> None:
    one = outlet(Clock(), most=3)
    for n in range(5):
        one.add("ana", {"n": n})
    assert ([event.body["n"] for event in one.due()], one.dropped) == ([2, 3, 4], 2)


async def test_hands_are_shaken_with_whoever_answers_the_challenge() -> None:
    asked: list[dict[str, str]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        asked.append(dict(httpx.URL(target).params))
        writer.write(answer(asked[-1]["hub.challenge"], "text/plain"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, httpx.AsyncClient(trust_env=False, timeout=20) as http:
        await shake_hands(http, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", "a-verify-token")
    assert (asked[0]["hub.mode"], asked[0]["hub.verify_token"]) == ("subscribe", "a-verify-token")


@pytest.mark.parametrize("words", [status(401), answer("another", "text/plain"), None])
async def test_hands_are_not_shaken_with_anybody_else(words: bytes | None) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if words:
            writer.write(words)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, httpx.AsyncClient(trust_env=False, timeout=20) as http:
        with pytest.raises(GraphError) as caught:
            await shake_hands(http, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", "a-verify-token")
    assert caught.value.code == 2200
