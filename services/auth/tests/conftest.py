"""Auth at its door: the whole application on a real etcd, with a folder of keys of its own."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from libs.common import etcd
from libs.common.clock import new_id, now
from services.auth.domain.keys import name_key
from services.auth.handlers.passwords import Passwords
from services.auth.main import application
from services.auth.store.keys import KeyFolder, KeyRing

PROXIES = [ip_network("127.0.0.0/8")]

PATIENCE_S = 60.0

MakeKey = Callable[..., str]


@asynccontextmanager
async def client_of(application: AbstractAsyncContextManager[ASGIApp]) -> AsyncIterator[httpx.AsyncClient]:
    """Once it is ready."""
    async with (
        application as app,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://auth") as client,
    ):
        async with asyncio.timeout(PATIENCE_S):
            while (await client.get("/health/ready")).status_code != 200:
                await asyncio.sleep(0.01)
        yield client


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def make_key(keys: Path) -> MakeKey:
    """A key as old as that; returns its id."""

    def make(age: timedelta = timedelta()) -> str:
        key_id = name_key(now() - age, secrets.token_hex(4))
        KeyFolder(keys).add(key_id)
        return key_id

    return make


@pytest.fixture
async def registry(etcd_endpoint: str) -> AsyncIterator[etcd.Etcd]:
    async with etcd.connect(etcd_endpoint, PATIENCE_S) as registry:
        yield registry


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    with Passwords(cores=2) as passwords:
        yield passwords


@pytest.fixture
async def auth(
    registry: etcd.Etcd, keys: Path, make_key: MakeKey, passwords: Passwords
) -> AsyncIterator[httpx.AsyncClient]:
    make_key()
    async with client_of(application(registry, KeyRing(keys), PROXIES, passwords)) as client:
        yield client


@pytest.fixture
def name() -> str:
    """A username that nobody has."""
    return f"u{new_id()}"


@pytest.fixture
async def ana(auth: httpx.AsyncClient, name: str) -> dict[str, str]:
    """The credentials of a registered user."""
    credentials = {"username": name, "password": "correct horse"}
    answer = await auth.post("/v1/auth/register", json=credentials | {"display_name": "Ana"})
    assert answer.status_code == 201
    return credentials


@pytest.fixture
async def token(auth: httpx.AsyncClient, ana: dict[str, str]) -> str:
    answer = await auth.post("/v1/auth/token", json=ana | {"grant_type": "password"})
    return str(answer.json()["access_token"])
