"""A session that was ended is refused by every service behind the gateway within two seconds."""

import asyncio
import time

import httpx
import pytest

from tests.conftest import PASSWORD, Chat

DOORS = ["/v1/users/me", "/v1/conversations"]  # of auth and of frontend


async def log_in(gateway: httpx.AsyncClient, username: str) -> dict[str, str]:
    body = {"grant_type": "password", "username": username, "password": PASSWORD}
    answer = await gateway.post("/v1/auth/token", json=body)
    tokens: dict[str, str] = answer.json()
    return tokens


async def statuses(gateway: httpx.AsyncClient, tokens: dict[str, str]) -> list[int]:
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    return [(await gateway.get(door, headers=headers)).status_code for door in DOORS]


async def until_refused(gateway: httpx.AsyncClient, tokens: dict[str, str]) -> float:
    """How long it took every service, in seconds."""
    begin = time.monotonic()
    async with asyncio.timeout(20):
        while await statuses(gateway, tokens) != [401] * len(DOORS):
            await asyncio.sleep(0.01)
    return time.monotonic() - begin


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_revoked_session_is_refused_everywhere_within_two_seconds(chat: Chat, kind: str) -> None:
    ana = await chat.person("ana")
    async with httpx.AsyncClient(base_url=chat.stack.gateway_url) as gateway:
        tokens, other = await log_in(gateway, ana.name), await log_in(gateway, ana.name)
        assert await statuses(gateway, tokens) == [200] * len(DOORS)
        assert (await gateway.post("/v1/auth/revoke", json={"token": tokens[kind]})).status_code == 200
        assert await until_refused(gateway, tokens) < 2
        assert await statuses(gateway, other) == [200] * len(DOORS)


async def test_it_is_refused_too_after_etcd_was_away(chat: Chat) -> None:
    ana = await chat.person("ana")
    async with httpx.AsyncClient(base_url=chat.stack.gateway_url, timeout=30) as gateway:
        tokens, other = await log_in(gateway, ana.name), await log_in(gateway, ana.name)
        chat.kill("etcd")
        async with asyncio.timeout(30):
            while (await gateway.post("/v1/auth/revoke", json={"token": tokens["access_token"]})).status_code != 200:
                await asyncio.sleep(0.05)
        assert await until_refused(gateway, tokens) < 2
        assert await statuses(gateway, other) == [200] * len(DOORS)


async def test_a_service_that_starts_later_knows_it_at_once(chat: Chat) -> None:
    ana = await chat.person("ana")
    async with httpx.AsyncClient(base_url=chat.stack.gateway_url, timeout=30) as gateway:
        tokens = await log_in(gateway, ana.name)
        await gateway.post("/v1/auth/revoke", json={"token": tokens["refresh_token"]})
        await until_refused(gateway, tokens)
        chat.kill("frontend")
        async with asyncio.timeout(30):
            while (status := (await statuses(gateway, tokens))[-1]) in (502, 503, 504):
                await asyncio.sleep(0.02)
        assert status == 401
