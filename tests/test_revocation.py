"""A session that was ended is refused by every service behind the gateway within two seconds."""

import asyncio
import time
from typing import Self

import httpx
import msgspec
import picows
import pytest

from clients.parley.socket import socket_url
from libs.common.tests.noise import soonest
from tests.conftest import PASSWORD, Chat

PROMISED_S = 2.0
DOORS = ["/v1/users/me", "/v1/conversations"]  # of auth and of frontend


async def log_in(gateway: httpx.AsyncClient, username: str) -> dict[str, str]:
    body = {"grant_type": "password", "username": username, "password": PASSWORD}
    tokens: dict[str, str] = (await gateway.post("/v1/auth/token", json=body)).raise_for_status().json()
    return tokens


async def revoke(gateway: httpx.AsyncClient, token: str) -> None:
    (await gateway.post("/v1/auth/revoke", json={"token": token})).raise_for_status()


class Line(picows.WSListener):
    """A socket that logs in, and how it was closed."""

    def __init__(self, tokens: dict[str, str]) -> None:
        self._tokens = tokens
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, chat: Chat, tokens: dict[str, str]) -> Self:
        line = cls(tokens)
        await picows.ws_connect(lambda: line, socket_url(chat.stack.gateway_url))
        await line.ready
        return line

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        frame = {"type": "auth", "token": self._tokens["access_token"]}
        transport.send(picows.WSMsgType.TEXT, msgspec.json.encode(frame))

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            self.closed.set_result(int.from_bytes(frame.get_payload_as_bytes()[:2], "big"))
            transport.disconnect()
        elif not self.ready.done():
            self.ready.set_result(None)


async def statuses(gateway: httpx.AsyncClient, tokens: dict[str, str]) -> list[int]:
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    return [(await gateway.get(door, headers=headers)).status_code for door in DOORS]


async def is_believed(gateway: httpx.AsyncClient, tokens: dict[str, str]) -> bool:
    """By every service, once each has been asked when it had what it needs."""
    while (found := await statuses(gateway, tokens)) and 503 in found:
        await asyncio.sleep(0.05)
    return found == [200] * len(DOORS)


async def until_refused(gateway: httpx.AsyncClient, tokens: dict[str, str]) -> float:
    """How long it took every service, in seconds."""
    begin = time.monotonic()
    async with asyncio.timeout(60):
        while await statuses(gateway, tokens) != [401] * len(DOORS):
            await asyncio.sleep(0.01)
    return time.monotonic() - begin


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_revoked_session_is_refused_everywhere_within_two_seconds(chat: Chat, kind: str) -> None:
    ana = await chat.person("ana")
    async with httpx.AsyncClient(base_url=chat.stack.gateway_url, timeout=30) as gateway:
        other = await log_in(gateway, ana.name)

        async def takes_s() -> float:
            tokens = await log_in(gateway, ana.name)
            assert await is_believed(gateway, tokens)
            await revoke(gateway, tokens[kind])
            return await until_refused(gateway, tokens)

        assert await soonest(takes_s, PROMISED_S) < PROMISED_S
        assert await is_believed(gateway, other)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_its_sockets_are_closed_with_4409_within_two_seconds(chat: Chat, kind: str) -> None:
    ana = await chat.person("ana")
    async with httpx.AsyncClient(base_url=chat.stack.gateway_url, timeout=30) as gateway:
        going_on = await Line.open(chat, await log_in(gateway, ana.name))

        async def takes_s() -> float:
            tokens = await log_in(gateway, ana.name)
            ended = await Line.open(chat, tokens)
            await revoke(gateway, tokens[kind])
            begin = time.monotonic()
            async with asyncio.timeout(60):
                assert await ended.closed == 4409
            return time.monotonic() - begin

        assert await soonest(takes_s, PROMISED_S) < PROMISED_S
        assert not going_on.closed.done()


async def test_it_is_refused_too_after_etcd_was_away(chat: Chat) -> None:
    ana = await chat.person("ana")
    async with httpx.AsyncClient(base_url=chat.stack.gateway_url, timeout=30) as gateway:
        other = await log_in(gateway, ana.name)

        async def takes_s() -> float:
            await chat.whole_again()
            tokens = await log_in(gateway, ana.name)
            chat.kill("etcd")
            async with asyncio.timeout(60):
                while (await gateway.post("/v1/auth/revoke", json={"token": tokens["access_token"]})).is_error:
                    await asyncio.sleep(0.05)
            return await until_refused(gateway, tokens)

        assert await soonest(takes_s, PROMISED_S) < PROMISED_S
        assert await is_believed(gateway, other)


async def test_a_service_that_starts_later_knows_it_at_once(chat: Chat) -> None:
    ana = await chat.person("ana")
    async with httpx.AsyncClient(base_url=chat.stack.gateway_url, timeout=30) as gateway:
        tokens = await log_in(gateway, ana.name)
        await revoke(gateway, tokens["refresh_token"])
        await until_refused(gateway, tokens)
        chat.kill("frontend")
        async with asyncio.timeout(60):
            while (status := (await statuses(gateway, tokens))[-1]) in (502, 503, 504):
                await asyncio.sleep(0.02)
        assert status == 401
