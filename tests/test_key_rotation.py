"""While keys rotate nobody is logged out; on the real stack, where a key's name is set back instead of waiting."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import ROOT
from services.auth.domain.keys import made_at
from tests.conftest import PASSWORD, Chat

WAITED = timedelta(seconds=70)
PATIENCE_S = 60.0


def rotate(keys: Path) -> str:
    """The id of the new key."""
    command = [sys.executable, "-m", "clients.parley", "keys", "rotate", "--json"]
    environment = {**os.environ, "PARLEY_KEYS": str(keys), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    return str(json.loads(done.stdout)["key_id"])


async def is_long_there(keys: Path) -> None:
    """The key of the stack: one that is set back is to stay the younger one."""
    async with asyncio.timeout(WAITED.total_seconds() + PATIENCE_S):
        while max(made_at(file.stem) for file in keys.glob("*.pem")) + WAITED >= datetime.now(UTC):
            await asyncio.sleep(0.2)


def let_it_wait(keys: Path, key_id: str) -> str:
    """What a minute makes of the key; its new id."""
    earlier = f"{datetime.now(UTC) - WAITED:%Y%m%dT%H%M%SZ}-{key_id.rpartition('-')[2]}"
    (keys / f"{key_id}.pem").rename(keys / f"{earlier}.pem")
    return earlier


async def log_in(gateway: httpx.AsyncClient, username: str) -> str:
    body = {"grant_type": "password", "username": username, "password": PASSWORD}
    return str((await gateway.post("/v1/auth/token", json=body)).json()["access_token"])


def key_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def of_a_made_up_key(token: str) -> str:
    """So that the keys have been read a moment ago."""
    made_up = jwt.encode({}, ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": "made up"})
    return made_up.partition(".")[0] + token[token.index(".") :]


async def published(gateway: httpx.AsyncClient) -> list[str]:
    return [key["kid"] for key in (await gateway.get("/.well-known/jwks.json")).json()["keys"]]


async def is_believed(gateway: httpx.AsyncClient, token: str) -> bool:
    headers = {"authorization": f"Bearer {token}"}
    answers = [await gateway.get(door, headers=headers) for door in ("/v1/users/me", "/v1/conversations")]
    return [answer.status_code for answer in answers] == [200, 200]


async def test_tokens_of_the_old_key_and_of_the_new_one_are_good_everywhere(chat: Chat) -> None:
    ana = await chat.person("ana")
    keys = chat.stack.state / "secrets" / "keys"
    async with httpx.AsyncClient(base_url=chat.stack.gateway_url, timeout=PATIENCE_S) as gateway:
        before = await log_in(gateway, ana.name)
        await is_long_there(keys)
        key_id = let_it_wait(keys, await asyncio.to_thread(rotate, keys))
        async with asyncio.timeout(PATIENCE_S):
            while key_of(token := await log_in(gateway, ana.name)) != key_id:
                assert await is_believed(gateway, before)
        assert not await is_believed(gateway, of_a_made_up_key(token))
        assert await is_believed(gateway, token)
        assert await is_believed(gateway, before)
        assert {key_of(before), key_id} <= set(await published(gateway))
