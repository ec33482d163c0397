"""Guessing through the gateway: what a caller says of their address counts for nothing."""

import httpx

from tests.conftest import PASSWORD, Chat


async def attempt(gateway: httpx.AsyncClient, username: str, password: str, said: str) -> httpx.Response:
    body = {"grant_type": "password", "username": username, "password": password}
    headers = {"x-forwarded-for": said, "x-real-ip": said, "forwarded": f"for={said}"}
    return await gateway.post("/v1/auth/token", json=body, headers=headers)


async def test_an_address_that_is_only_said_helps_nobody(chat: Chat) -> None:
    ana = await chat.person("ana")
    near = httpx.AsyncClient(base_url=chat.stack.gateway_url, timeout=30)
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    far = httpx.AsyncClient(base_url=chat.stack.gateway_url, transport=elsewhere, timeout=30)
    async with near, far:
        tries = [await attempt(near, ana.name, "wrong horse", f"192.0.2.{n}") for n in range(8)]
        refused = next(answer for answer in tries if answer.status_code != 401)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await attempt(far, ana.name, PASSWORD, "127.0.0.1")).status_code == 200
