"""The folder of keys, and what auth says while it or etcd is missing."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import httpx
import jwt
import pytest

from libs.common import etcd
from libs.common.clock import now
from libs.common.errors import Unavailable
from services.auth.domain.keys import PUBLISHED_FIRST, name_key
from services.auth.handlers.passwords import Passwords
from services.auth.main import application
from services.auth.store.keys import KeyRing
from services.auth.tests.conftest import PROXIES, MakeKey

HOUR = timedelta(hours=1)


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def published(ring: KeyRing) -> set[str]:
    return {key["kid"] for key in json.loads(ring.jwks())["keys"]}


async def test_an_empty_folder_is_waited_for(keys: Path, make_key: MakeKey) -> None:
    ring = KeyRing(keys)
    with pytest.raises(Unavailable, match=str(keys)):
        await ring.check()
    make_key()
    await ring.check()


async def test_a_new_key_is_published_soon_and_does_not_sign_yet(keys: Path, make_key: MakeKey) -> None:
    old = make_key(HOUR)
    ring = KeyRing(keys)
    assert kid_of(ring.sign({})) == old
    new = make_key()
    async with asyncio.timeout(60):
        while published(ring) != {old, new}:
            await asyncio.sleep(0.05)
    assert kid_of(ring.sign({})) == old


async def test_a_key_that_was_published_long_enough_signs_and_the_old_one_still_verifies(
    keys: Path, make_key: MakeKey
) -> None:
    old, new = make_key(HOUR), make_key(PUBLISHED_FIRST)
    ring = KeyRing(keys)
    assert kid_of(ring.sign({})) == new
    assert published(ring) == {old, new}


async def test_a_key_whose_last_token_has_expired_is_published_no_more(keys: Path, make_key: MakeKey) -> None:
    make_key(3 * HOUR)
    new = make_key(2 * HOUR)
    assert published(KeyRing(keys)) == {new}


async def test_a_folder_that_cannot_be_read_changes_nothing(keys: Path, make_key: MakeKey) -> None:
    good = make_key(2 * HOUR)
    ring = KeyRing(keys)
    await ring.check()
    (keys / f"{name_key(now() - HOUR, '00000000')}.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\nMIGH")
    with pytest.raises(Unavailable):
        KeyRing(keys).jwks()
    assert kid_of(ring.sign({})) == good


async def test_a_token_of_a_key_that_was_retired_names_no_session(keys: Path, make_key: MakeKey) -> None:
    make_key(3 * HOUR)
    token = KeyRing(keys).sign({"sid": "s1"})
    assert KeyRing(keys).session_id(token) == "s1"
    make_key(2 * HOUR)
    assert KeyRing(keys).session_id(token) is None


async def test_ready_says_what_is_missing(keys: Path, passwords: Passwords) -> None:
    async with (
        etcd.connect("127.0.0.1:1", deadline_s=0.5) as nowhere,
        application(nowhere, KeyRing(keys), PROXIES, passwords) as app,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://auth") as auth,
    ):
        ready = await auth.get("/health/ready")
        live = await auth.get("/health/live")
        log_in = await auth.post("/v1/auth/token", data={"grant_type": "password", "username": "ana", "password": "x"})
    assert ready.status_code == 503
    assert "etcd" in ready.json()["dependencies"]["etcd"]
    assert "no key that signs" in ready.json()["dependencies"]["keys"]
    assert live.status_code == 200
    assert (log_in.status_code, log_in.json()["code"]) == (503, "etcd_unavailable")
    assert "retry-after" in log_in.headers
