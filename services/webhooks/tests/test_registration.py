"""Platforms are told where our webhook is, however long that takes, and nothing waits for it."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from connectors.simulator.app import simulator
from connectors.simulator.server import Door
from connectors.simulator.settings import Settings as SimulatorSettings
from connectors.telegram import Settings, Telegram
from services.webhooks.handlers import Registration

TOKEN, OTHER = "700000001:a_token_of_tests", "700000002:another_of_tests"


@pytest.fixture
async def platform() -> AsyncIterator[Door]:
    async with simulator(SimulatorSettings(port=0, telegram_tokens=(TOKEN,))) as door:
        yield door


def bot(http: httpx.AsyncClient, door: Door, token: str) -> Telegram:
    return Telegram(http, Settings(token=token, webhook_secret="a-secret", base_url=door.url, timeout_s=30))


async def webhook(http: httpx.AsyncClient, door: Door) -> str:
    answer = await http.post(f"{door.url}/bot{TOKEN}/getWebhookInfo")
    return str(answer.json()["result"]["url"])


async def test_each_account_is_told_its_own_address(platform: Door) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        registration = Registration({("telegram", "main"): bot(http, platform, TOKEN)}, "http://gateway.test/")
        await registration.run()
        assert await webhook(http, platform) == "http://gateway.test/v1/channels/telegram/main/webhook"
    assert registration.notes == {"telegram/main": "connected as Parley"}


async def test_an_account_that_is_refused_is_tried_again_and_keeps_no_other_waiting(platform: Door) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        bots = {("telegram", "main"): bot(http, platform, TOKEN), ("telegram", "wrong"): bot(http, platform, OTHER)}
        registration = Registration(bots, "http://gateway.test")
        running = asyncio.create_task(registration.run())
        async with asyncio.timeout(60):
            while not (registration.notes.get("telegram/main") == "connected as Parley" and _is_refused(registration)):
                await asyncio.sleep(0.02)
        assert not running.done()
        running.cancel()


def _is_refused(registration: Registration) -> bool:
    return registration.notes["telegram/wrong"].startswith("not connected: unauthorized")


async def test_a_platform_that_fails_once_is_connected_afterwards(platform: Door) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        await http.post(f"{platform.url}/_sim/telegram/faults", json={"kind": "error", "times": 1})
        registration = Registration({("telegram", "main"): bot(http, platform, TOKEN)}, "http://gateway.test")
        async with asyncio.timeout(60):
            await registration.run()
        assert registration.notes == {"telegram/main": "connected as Parley"}
