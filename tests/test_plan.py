"""Plans and windows on the whole system: what is said beforehand is what happens."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from clients.parley.objects import Plan
from tests.command import Home
from tests.conftest import PATIENCE_S, Chat
from tests.meta import There
from tests.outside import simulator
from tests.telegram import Telegram

LONG = "word " * 700


@pytest.fixture
async def http(chat: Chat) -> AsyncIterator[httpx.AsyncClient]:
    async with simulator(chat) as client:
        yield client


def outcomes(plan: Plan) -> list[tuple[str, str, list[str]]]:
    return [(d.channel, d.verdict, [r["code"] for r in d.reasons]) for d in plan.deliveries]


async def until_plan(ask: Callable[[], Awaitable[Plan]], condition: Callable[[Plan], bool]) -> Plan:
    async with asyncio.timeout(PATIENCE_S):
        while not condition(plan := await ask()):
            await asyncio.sleep(0.1)
    return plan


async def test_a_window_is_planned_shown_and_refused_until_they_write(chat: Chat, http: httpx.AsyncClient) -> None:
    there = There("messenger", chat, http)
    ana, bo, conversation = await chat.pair()
    tea, device = await there.is_reached_by(bo), await ana.connect()

    async def ask() -> Plan:
        return await ana.client.plan(conversation.conversation_id, LONG, channels=["all"])

    closed = [("internal", "goes", []), ("messenger", "fails", ["window_closed"])]
    await until_plan(ask, lambda plan: outcomes(plan) == closed)
    assert tea not in str(await ask())
    await ana.client.send(conversation.conversation_id, LONG, channels=["messenger"])
    assert (await device.delivery(bo.name, "messenger")).error["code"] == "window_closed"

    await there.tell(f"people/{tea}/say", text="Hello?")
    opened: list[tuple[str, str, list[str]]] = [("internal", "goes", []), ("messenger", "goes", [])]
    plan = await until_plan(ask, lambda plan: outcomes(plan) == opened)
    (there_planned,) = [d for d in plan.deliveries if d.channel == "messenger"]
    assert (there_planned.adapted, there_planned.pieces) == (("text_split",), 2)
    assert there_planned.account
    (window,) = (await ana.client.conversation(conversation.conversation_id)).windows or ()
    assert (window.recipient, window.channel, window.open) == (bo.name, "messenger", True)
    assert window.expires_at
    await ana.client.send(conversation.conversation_id, LONG, channels=["messenger"])
    assert len(await there.until(tea, lambda texts: len(texts) >= 2)) == 2


async def test_while_a_platform_fails_a_plan_says_that_it_waits(chat: Chat, http: httpx.AsyncClient) -> None:
    telegram = Telegram(chat, http)
    ana, bo, conversation = await chat.pair()
    address = await telegram.is_reached_by(bo)
    await telegram.fault("error", chat=int(address), status=503)
    try:
        await ana.client.send(conversation.conversation_id, "hi", channels=["telegram"])
        route = [{"channel": "telegram", "until": "SENT", "after_s": 30}, {"channel": "internal"}]

        async def ask() -> Plan:
            return await ana.client.plan(conversation.conversation_id, "hi", route=route)

        plan = await until_plan(ask, lambda plan: plan.deliveries[0].verdict == "waits")
        assert outcomes(plan) == [("telegram", "waits", ["breaker_open"]), ("internal", "goes", [])]
        assert [(d.step, d.after_s) for d in plan.deliveries] == [(0, 0), (1, 30)]
    finally:
        await telegram.clear()
    await telegram.until(address, lambda texts: texts == ["hi"])


async def test_the_command_says_where_it_would_go_and_sends_nothing(chat: Chat, tmp_path: Path) -> None:
    home = Home(chat.stack, tmp_path)
    ben = await home.register(f"ben-{secrets.token_hex(4)}")
    await home.register(f"ana-{secrets.token_hex(4)}")
    said = await home.run("plan", ben, "hello", "--route", "internal:DELIVERED:60,telegram")
    assert "after 60 s" in said.out
    assert "no_address" in said.out
    assert (await home.run("history", ben)).out == ""
