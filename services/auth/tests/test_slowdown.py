"""Guessing at the HTTP door: who counts as the caller, and what they are told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from libs.common import etcd
from services.auth.handlers.passwords import Passwords
from services.auth.main import application
from services.auth.store.keys import KeyRing
from services.auth.tests.conftest import PROXIES

URL = "/v1/auth/token"


async def log_in(
    auth: httpx.AsyncClient, ana: dict[str, str], address: str, password: str | None = None
) -> httpx.Response:
    body = {"grant_type": "password", "username": ana["username"], "password": password or ana["password"]}
    return await auth.post(URL, json=body, headers={"x-forwarded-for": address})


async def fail(auth: httpx.AsyncClient, ana: dict[str, str], *addresses: str) -> httpx.Response:
    """Until one is sent away; a slow machine may need a try more, as the pauses grow."""
    for number in range(12):
        answer = await log_in(auth, ana, addresses[number % len(addresses)], "wrong horse")
        if answer.status_code != 401:
            return answer
    raise AssertionError("nobody was sent away")


async def test_who_fails_too_often_waits(auth: httpx.AsyncClient, ana: dict[str, str]) -> None:
    answer = await fail(auth, ana, "192.0.2.1")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert int(answer.headers["retry-after"]) >= 1
    async with asyncio.timeout(60):
        while (await log_in(auth, ana, "192.0.2.1")).status_code == 429:
            await asyncio.sleep(0.1)


async def test_the_owner_comes_in_from_elsewhere(auth: httpx.AsyncClient, ana: dict[str, str]) -> None:
    assert (await fail(auth, ana, "192.0.2.1")).status_code == 429
    assert (await log_in(auth, ana, "192.0.2.2")).status_code == 200


async def test_what_a_caller_says_before_the_gateway_does_not_count(
    auth: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    said = [f"10.0.0.{number}, 192.0.2.1" for number in range(12)]
    assert (await fail(auth, ana, *said)).status_code == 429


@pytest.fixture
async def stranger(
    registry: etcd.Etcd, keys: Path, auth: httpx.AsyncClient, passwords: Passwords
) -> AsyncIterator[httpx.AsyncClient]:
    """Who reaches auth past the gateway."""
    async with application(registry, KeyRing(keys), PROXIES, passwords) as app:
        transport = httpx.ASGITransport(app, client=("203.0.113.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://auth") as client:
            yield client


async def test_nobody_but_the_gateway_says_where_a_request_comes_from(
    stranger: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    assert (await fail(stranger, ana, *(f"192.0.2.{number}" for number in range(12)))).status_code == 429


async def test_refreshing_goes_on(auth: httpx.AsyncClient, ana: dict[str, str]) -> None:
    tokens = (await log_in(auth, ana, "192.0.2.1")).json()
    assert (await fail(auth, ana, "192.0.2.1")).status_code == 429
    body = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await auth.post(URL, json=body, headers={"x-forwarded-for": "192.0.2.1"})).status_code == 200
