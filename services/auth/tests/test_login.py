"""Logging in and reading one's profile, at the HTTP door."""

import asyncio
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import jwt
import pytest

from libs.common import etcd
from services.auth.handlers.passwords import Passwords
from services.auth.main import application
from services.auth.store.keys import KeyRing
from services.auth.tests.conftest import PATIENCE_S, PROXIES, client_of

URL = "/v1/auth/token"


def decoded(token: str, jwks: bytes) -> dict[str, object]:
    keys = {key.key_id: key.key for key in jwt.PyJWKSet.from_json(jwks.decode()).keys}
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["ES256"], audience="parley", issuer="parley")


@pytest.fixture
def room_for_two() -> Iterator[Passwords]:
    with Passwords(cores=1, queue_per_core=1) as passwords:
        yield passwords


@pytest.fixture
async def small(
    registry: etcd.Etcd, keys: Path, auth: httpx.AsyncClient, room_for_two: Passwords
) -> AsyncIterator[httpx.AsyncClient]:
    """Auth with room for two passwords; `auth` has made the key."""
    async with client_of(application(registry, KeyRing(keys), PROXIES, room_for_two)) as client:
        yield client


@pytest.mark.parametrize("form", ["json", "data"])
async def test_a_password_gives_tokens(auth: httpx.AsyncClient, ana: dict[str, str], form: str) -> None:
    answer = await auth.request("POST", URL, **{form: ana | {"grant_type": "password"}})  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert len(tokens.pop("access_token")) > 100
    assert len(tokens.pop("refresh_token")) > 40
    assert tokens == {"token_type": "Bearer", "expires_in": 3600, "refresh_expires_in": 2592000}


async def test_the_access_token_is_verified_by_the_published_keys(
    auth: httpx.AsyncClient, ana: dict[str, str], token: str
) -> None:
    keys = await auth.get("/.well-known/jwks.json")
    assert "max-age" in keys.headers["cache-control"]
    claims = decoded(token, keys.content)
    assert (claims["sub"], claims["roles"]) == (ana["username"], ["user"])
    assert {"sid", "iat", "exp", "jti"} <= claims.keys()


async def test_only_public_parts_of_the_keys_are_published(auth: httpx.AsyncClient) -> None:
    answer = await auth.get("/.well-known/jwks.json")
    assert all(key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in answer.json()["keys"])


async def test_a_session_is_kept_with_a_digest_of_its_refresh_token(
    auth: httpx.AsyncClient, ana: dict[str, str], registry: etcd.Etcd
) -> None:
    refresh_token = (await auth.post(URL, json=ana | {"grant_type": "password"})).json()["refresh_token"]
    session_id = refresh_token.partition(".")[0]
    session = json.loads(await registry.get(f"/parley/sessions/{session_id}") or b"")
    assert session["username"] == ana["username"]
    assert session["refresh_sha256"] == hashlib.sha256(refresh_token.encode()).hexdigest()


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "correct horsf"},
        {"password": ""},
        {"password": "correct horse" * 10},
        {"username": "nobody-at-all"},
        {"username": "No such NAME, not even possible"},
    ],
)
async def test_an_unknown_user_and_a_wrong_password_are_told_the_same(
    auth: httpx.AsyncClient, ana: dict[str, str], wrong: dict[str, str]
) -> None:
    answer = await auth.post(URL, json=ana | {"grant_type": "password"} | wrong)
    assert answer.status_code == 401
    problem = answer.json()
    assert (problem["code"], problem["detail"]) == ("invalid_credentials", "The username or the password is wrong.")


async def test_the_first_72_bytes_of_a_password_are_not_enough(auth: httpx.AsyncClient, name: str) -> None:
    credentials = {"username": name, "password": "x" * 72}
    assert (await auth.post("/v1/auth/register", json=credentials)).status_code == 201
    answer = await auth.post(URL, json={"grant_type": "password", "username": name, "password": "x" * 73})
    assert answer.status_code == 401


async def test_an_unknown_user_costs_the_same_work(auth: httpx.AsyncClient, ana: dict[str, str]) -> None:
    async def cpu_s(username: str) -> float:
        body = {"grant_type": "password", "username": username, "password": "wrong horse"}
        before = time.process_time()
        await auth.post(URL, json=body)
        return time.process_time() - before

    spent = [(await cpu_s(ana["username"]), await cpu_s("nobody")) for _ in range(4)]  # a fifth would have to wait
    known, unknown = (min(each) for each in zip(*spent, strict=True))
    assert unknown == pytest.approx(known, rel=0.3)


@pytest.mark.parametrize("grant", ["client_credentials", "refresh", "", "\0"])
async def test_another_grant_is_not_supported(auth: httpx.AsyncClient, grant: str) -> None:
    answer = await auth.post(URL, json={"grant_type": grant, "refresh_token": "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 422),
        ("application/json", b"[]", 422),
        ("application/json", b'{"grant_type": 1}', 422),
        ("application/json", rb'{"grant_type": "password", "username": "\ud800", "password": "\ud800"}', 422),
        ("application/json", rb'{"grant_type": "password", "username": "ana", "password": "\u0000"}', 422),
        ("application/json", b"{", 400),
        ("application/json", b"[" * 100_000, 400),
        ("application/x-www-form-urlencoded", b"username=a&username=b", 400),
        ("application/x-www-form-urlencoded", b"username=%ff", 400),
        ("application/x-www-form-urlencoded", b"a=&" * 100, 400),
        ("application/x-www-form-urlencoded", b"", 422),
        ("application/x-www-form-urlencoded", b"grant_type=password&username=ana", 422),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("", b"{}", 415),
    ],
)
async def test_a_wrong_body_is_refused_in_words(auth: httpx.AsyncClient, kind: str, body: bytes, status: int) -> None:
    answer = await auth.post(URL, content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_keys_are_answered_while_log_ins_wait_for_their_turn(
    auth: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    log_ins = [asyncio.create_task(auth.post(URL, json=ana | {"grant_type": "password"})) for _ in range(20)]
    await asyncio.wait(log_ins, return_when=asyncio.FIRST_COMPLETED)
    assert (await auth.get("/.well-known/jwks.json")).status_code == 200
    assert not all(task.done() for task in log_ins)
    assert {answer.status_code for answer in await asyncio.gather(*log_ins)} == {200}


async def test_past_the_bound_of_the_queue_callers_are_sent_away_and_the_others_go_on(
    ana: dict[str, str], token: str, small: httpx.AsyncClient, room_for_two: Passwords
) -> None:
    async def see_oneself() -> int:
        return (await small.get("/v1/users/me", headers={"authorization": f"Bearer {token}"})).status_code

    all_have_asked = threading.Event()
    room_for_two._threads.submit(all_have_asked.wait, PATIENCE_S)
    log_ins = [asyncio.create_task(small.post(URL, json=ana | {"grant_type": "password"})) for _ in range(6)]
    assert await see_oneself() == 200
    async with asyncio.timeout(PATIENCE_S):
        while sum(log_in.done() for log_in in log_ins) < 4:
            await asyncio.sleep(0.01)
    all_have_asked.set()
    answers = await asyncio.gather(*log_ins)
    assert Counter(answer.status_code for answer in answers) == {200: 2, 503: 4}
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert busy.json()["code"] == "busy"
    assert int(busy.headers["retry-after"]) >= 1
    assert (await small.post(URL, json=ana | {"grant_type": "password"})).status_code == 200


async def test_one_sees_oneself_and_less_of_others(auth: httpx.AsyncClient, ana: dict[str, str], token: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    me = (await auth.get("/v1/users/me", headers=headers)).json()
    assert me.pop("created_at")
    assert me == {"username": ana["username"], "display_name": "Ana", "channels": [], "roles": ["user"]}
    other = await auth.get(f"/v1/users/{ana['username']}", headers=headers)
    assert other.json() == {"username": ana["username"], "display_name": "Ana"}


@pytest.mark.parametrize("username", ["nobody-at-all", "telegram:42", "%00", "%FF", "..%2Fana"])
async def test_who_is_not_there_is_not_found(auth: httpx.AsyncClient, token: str, username: str) -> None:
    answer = await auth.get(f"/v1/users/{username}", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_without_a_token_nobody_is_shown(auth: httpx.AsyncClient, ana: dict[str, str]) -> None:
    for path in ("/v1/users/me", f"/v1/users/{ana['username']}"):
        answer = await auth.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
