"""Refreshing and revoking, at the HTTP door."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import jwt
import pytest

from libs.common import etcd
from libs.common.clock import new_id, now, rfc3339
from libs.common.revocations import revoked_key
from services.auth.domain.sessions import GRACE, MAX_SESSIONS, RefreshToken, begin
from services.auth.handlers.passwords import Passwords
from services.auth.main import application
from services.auth.store.keys import KeyRing
from services.auth.store.sessions import EtcdSessions
from services.auth.tests.conftest import PROXIES

TOKEN = "/v1/auth/token"
REVOKE = "/v1/auth/revoke"
Tokens = dict[str, str]


@pytest.fixture
async def tokens(auth: httpx.AsyncClient, ana: dict[str, str]) -> Tokens:
    answer = await auth.post(TOKEN, json=ana | {"grant_type": "password"})
    given: Tokens = answer.json()
    return given


@pytest.fixture
async def other_auth(
    registry: etcd.Etcd, keys: Path, auth: httpx.AsyncClient, passwords: Passwords
) -> AsyncIterator[httpx.AsyncClient]:
    """A second process of auth beside the first."""
    async with (
        application(registry, KeyRing(keys), PROXIES, passwords) as app,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://auth") as client,
    ):
        yield client


async def refresh(auth: httpx.AsyncClient, refresh_token: str) -> httpx.Response:
    return await auth.post(TOKEN, json={"grant_type": "refresh_token", "refresh_token": refresh_token})


async def revoke(auth: httpx.AsyncClient, token: str) -> httpx.Response:
    return await auth.post(REVOKE, json={"token": token})


async def me(auth: httpx.AsyncClient, tokens: Tokens) -> httpx.Response:
    return await auth.get("/v1/users/me", headers={"authorization": f"Bearer {tokens['access_token']}"})


async def until_refused(auth: httpx.AsyncClient, tokens: Tokens) -> None:
    async with asyncio.timeout(60):
        while (await me(auth, tokens)).status_code != 401:
            await asyncio.sleep(0.01)


def session_of(tokens: Tokens) -> str:
    return tokens["refresh_token"].partition(".")[0]


async def change(registry: etcd.Etcd, tokens: Tokens, **fields: str) -> None:
    """What time would do to a session."""
    key = f"/parley/sessions/{session_of(tokens)}"
    found = await registry.find(key)
    assert found
    await registry.put(key, json.dumps(json.loads(found.value) | fields).encode(), found.lease)


def is_refused(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")


@pytest.mark.parametrize("form", ["json", "data"])
async def test_a_refresh_token_gives_new_tokens_of_the_same_session(
    auth: httpx.AsyncClient, tokens: Tokens, form: str
) -> None:
    body = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answer = await auth.request("POST", TOKEN, **{form: body})  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    fresh = answer.json()
    assert fresh.keys() == tokens.keys()
    assert (fresh["expires_in"], fresh["refresh_expires_in"]) == (3600, 2592000)
    assert session_of(fresh) == session_of(tokens)
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert (await me(auth, fresh)).status_code == 200


async def test_a_lost_answer_is_repeated(
    auth: httpx.AsyncClient, other_auth: httpx.AsyncClient, tokens: Tokens
) -> None:
    first = await refresh(auth, tokens["refresh_token"])
    again = await refresh(other_auth, tokens["refresh_token"])
    assert again.json()["refresh_token"] == first.json()["refresh_token"]
    assert (await refresh(auth, first.json()["refresh_token"])).status_code == 200


async def test_of_50_at_once_all_get_the_same_successor(
    auth: httpx.AsyncClient, other_auth: httpx.AsyncClient, tokens: Tokens
) -> None:
    asked = [refresh(door, tokens["refresh_token"]) for door in (auth, other_auth) for _ in range(25)]
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {200}
    successors = {answer.json()["refresh_token"] for answer in answers}
    assert len(successors) == 1
    assert (await refresh(auth, successors.pop())).status_code == 200


async def test_a_token_that_comes_again_after_its_successor_ends_the_session(
    auth: httpx.AsyncClient, tokens: Tokens
) -> None:
    second = (await refresh(auth, tokens["refresh_token"])).json()
    third = (await refresh(auth, second["refresh_token"])).json()
    assert is_refused(await refresh(auth, tokens["refresh_token"]))
    assert is_refused(await refresh(auth, third["refresh_token"]))
    for each in (tokens, second, third):
        await until_refused(auth, each)


async def test_a_token_that_comes_again_late_ends_the_session(
    auth: httpx.AsyncClient, registry: etcd.Etcd, tokens: Tokens
) -> None:
    second = (await refresh(auth, tokens["refresh_token"])).json()
    await change(registry, tokens, rotated_at=rfc3339(now() - GRACE - timedelta(seconds=1)))
    assert is_refused(await refresh(auth, tokens["refresh_token"]))
    assert is_refused(await refresh(auth, second["refresh_token"]))
    await until_refused(auth, second)


async def test_a_session_that_has_expired_is_refused_though_etcd_still_has_it(
    auth: httpx.AsyncClient, registry: etcd.Etcd, tokens: Tokens
) -> None:
    await change(registry, tokens, expires_at=rfc3339(now()))
    assert is_refused(await refresh(auth, tokens["refresh_token"]))


async def test_a_new_lease_is_taken_when_the_old_one_would_end_too_soon(
    auth: httpx.AsyncClient, registry: etcd.Etcd, tokens: Tokens
) -> None:
    key = f"/parley/sessions/{session_of(tokens)}"
    before = await registry.find(key)
    await change(registry, tokens, leased_until=rfc3339(now()))
    assert (await refresh(auth, tokens["refresh_token"])).status_code == 200
    after = await registry.find(key)
    assert before
    assert after
    assert after.lease not in (0, before.lease)


async def test_who_guesses_a_token_from_what_others_see_changes_nothing(
    auth: httpx.AsyncClient, tokens: Tokens
) -> None:
    session_id, family, _ = tokens["refresh_token"].split(".")
    for guess in (f"{session_id}.{'x' * 43}", f"{session_id}.{'x' * 22}.{'x' * 43}", f"{session_id}.{family}"):
        assert is_refused(await refresh(auth, guess))
        assert (await revoke(auth, guess)).status_code == 200
    assert (await refresh(auth, tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "\0", "a.b.c", "€" * 1000, "x" * 1_000_000, "../../users/ana"])
async def test_rubbish_is_no_refresh_token_and_nothing_to_revoke(auth: httpx.AsyncClient, token: str) -> None:
    assert is_refused(await refresh(auth, token))
    assert ((await revoke(auth, token)).status_code, (await revoke(auth, token)).json()) == (200, {})


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_revoking_ends_the_session(
    auth: httpx.AsyncClient, registry: etcd.Etcd, tokens: Tokens, ana: dict[str, str], kind: str
) -> None:
    other = (await auth.post(TOKEN, json=ana | {"grant_type": "password"})).json()
    for _ in range(2):
        assert (await auth.post(REVOKE, data={"token": tokens[kind]})).status_code == 200
    assert is_refused(await refresh(auth, tokens["refresh_token"]))
    await until_refused(auth, tokens)
    left = await registry.list(f"/parley/sessions_of/{ana['username']}/")
    assert [key.rpartition("/")[2] for key in left] == [session_of(other)]
    assert (await me(auth, other)).status_code == 200


async def test_a_refresh_token_of_the_past_ends_its_session_too(auth: httpx.AsyncClient, tokens: Tokens) -> None:
    fresh = (await refresh(auth, tokens["refresh_token"])).json()
    await revoke(auth, tokens["refresh_token"])
    assert is_refused(await refresh(auth, fresh["refresh_token"]))


async def test_an_access_token_that_has_expired_ends_its_session(
    auth: httpx.AsyncClient, keys: Path, tokens: Tokens
) -> None:
    expired = KeyRing(keys).sign({"sub": "ana", "sid": session_of(tokens), "exp": int(time.time()) - 60})
    await revoke(auth, expired)
    assert is_refused(await refresh(auth, tokens["refresh_token"]))


async def test_a_token_signed_by_somebody_else_ends_nothing(auth: httpx.AsyncClient, tokens: Tokens) -> None:
    kid = jwt.get_unverified_header(tokens["access_token"])["kid"]
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    forged = jwt.encode(claims, "somebody's secret, which is long enough", "HS256", headers={"kid": kid})
    assert (await revoke(auth, forged)).status_code == 200
    assert (await refresh(auth, tokens["refresh_token"])).status_code == 200


async def test_a_session_that_was_forgotten_is_told_as_revoked_while_its_access_token_may_live(
    auth: httpx.AsyncClient, registry: etcd.Etcd, tokens: Tokens
) -> None:
    await registry.delete(f"/parley/sessions/{session_of(tokens)}")
    await revoke(auth, tokens["access_token"])
    found = await registry.find(revoked_key(session_of(tokens)))
    assert found
    assert found.lease
    await until_refused(auth, tokens)


async def test_while_sessions_are_refreshed_and_revoked_at_once_the_end_wins(
    auth: httpx.AsyncClient, other_auth: httpx.AsyncClient, tokens: Tokens
) -> None:
    work = [refresh(door, tokens["refresh_token"]) for door in (auth, other_auth) for _ in range(10)]
    work[10:10] = [revoke(auth, tokens["access_token"])]
    answers = await asyncio.gather(*work)
    for answer in answers:
        if "refresh_token" in answer.json():
            assert is_refused(await refresh(other_auth, answer.json()["refresh_token"]))


async def test_past_a_hundred_sessions_the_oldest_end(
    auth: httpx.AsyncClient, registry: etcd.Etcd, ana: dict[str, str], tokens: Tokens
) -> None:
    for _ in range(MAX_SESSIONS - 1):
        token = RefreshToken(new_id(), "f" * 22, "s" * 43)
        await EtcdSessions(registry).keep(begin(ana["username"], token, now()))
    newest = (await auth.post(TOKEN, json=ana | {"grant_type": "password"})).json()
    assert len(await registry.list(f"/parley/sessions_of/{ana['username']}/")) == MAX_SESSIONS
    assert (await refresh(auth, newest["refresh_token"])).status_code == 200
    assert is_refused(await refresh(auth, tokens["refresh_token"]))
    await until_refused(auth, tokens)


@pytest.mark.parametrize("url", [TOKEN, REVOKE])
@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b'{"grant_type": "refresh_token"}', 422),
        ("application/json", b'{"grant_type": "refresh_token", "refresh_token": 7, "token": null}', 422),
        ("application/json", b'{"grant_type": "refresh_token", "refresh_token": ["x"], "token": {}}', 422),
        ("application/json", b"[]", 422),
        ("application/json", b"", 400),
        ("application/json", b"\xff", 400),
        ("application/x-www-form-urlencoded", b"grant_type=refresh_token", 422),
        ("application/x-www-form-urlencoded", b"token=a&token=b", 400),
        ("text/plain", b"token=a", 415),
    ],
)
async def test_a_wrong_body_is_refused_in_words(
    auth: httpx.AsyncClient, url: str, kind: str, body: bytes, status: int
) -> None:
    answer = await auth.post(url, content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
