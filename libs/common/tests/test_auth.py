"""Tokens are believed only as auth signs them, and auth is asked for its keys seldom."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from libs.common.auth import TokenVerifier, bearer
from libs.common.errors import Problem, Unavailable
from libs.common.jwks import MAX_WAITING, PAUSE_S


class Publisher:
    """An application that publishes keys and counts how often it is asked."""

    def __init__(self) -> None:
        self.keys = {"k1": ec.generate_private_key(ec.SECP256R1())}
        self.asked = 0
        self.is_up = True
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_answer.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        keys = [ECAlgorithm.to_jwk(k.public_key(), as_dict=True) | {"kid": kid} for kid, k in self.keys.items()]
        answer = JSONResponse({"keys": keys}, 200 if self.is_up else 503)
        self.is_asked.set()
        await self.may_answer.wait()
        await answer(Request(scope).scope, receive, send)

    def token(self, kid: str = "k1", key: Any = None, algorithm: str = "ES256", **changed: Any) -> str:
        at = int(time.time())
        claims: dict[str, Any] = {"iss": "parley", "aud": "parley", "sub": "ana", "sid": "s1", "roles": ["user"]}
        claims |= {"iat": at, "exp": at + 60, "jti": "t1"} | changed
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key or self.keys[kid], algorithm=algorithm, headers={"kid": kid})


@pytest.fixture
def auth() -> Publisher:
    return Publisher()


@pytest.fixture
def verifier(auth: Publisher) -> TokenVerifier:
    return TokenVerifier("http://auth/keys", httpx.AsyncClient(transport=httpx.ASGITransport(auth)))


async def refused(verifier: TokenVerifier, token: str) -> bool:
    """And for no other reason than the token."""
    try:
        await verifier.verify(token)
    except Problem as problem:
        return (problem.status, problem.code) == (401, "unauthenticated")
    return False


async def test_a_signed_token_says_who_calls(auth: Publisher, verifier: TokenVerifier) -> None:
    identity = await verifier.verify(auth.token())
    assert (identity.username, identity.session_id, identity.roles) == ("ana", "s1", frozenset({"user"}))


def signed_with_the_public_key(auth: Publisher) -> str:
    """HS256 with what everybody knows as the secret; the library refuses to make it."""
    public = auth.keys["k1"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "k1"}).encode()).rstrip(b"=")
    signed = head + b"." + auth.token().split(".")[1].encode()
    signature = base64.urlsafe_b64encode(hmac.digest(public, signed, hashlib.sha256)).rstrip(b"=")
    return (signed + b"." + signature).decode()


def unsigned(auth: Publisher) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1"}').rstrip(b"=").decode()
    return f"{head}.{auth.token().split('.')[1]}."


async def test_no_other_algorithm_is_believed(auth: Publisher, verifier: TokenVerifier) -> None:
    for token in (signed_with_the_public_key(auth), unsigned(auth)):
        assert await refused(verifier, token)


async def test_a_key_of_ones_own_is_not_believed(auth: Publisher, verifier: TokenVerifier) -> None:
    assert await refused(verifier, auth.token(key=ec.generate_private_key(ec.SECP256R1())))


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1},
        {"exp": None},
        {"iat": 99999999999},
        {"aud": "somebody"},
        {"aud": None},
        {"iss": "somebody"},
        {"sub": None},
        {"sid": None},
        {"jti": None},
    ],
)
async def test_a_token_for_another_time_or_audience_is_refused(
    auth: Publisher, verifier: TokenVerifier, changed: dict[str, Any]
) -> None:
    assert await refused(verifier, auth.token(**changed))
    assert await verifier.verify(auth.token())


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "é.é.é", "\x00", "{}.{}.{}", "e30.e30.e30", "a" * 100_000])
async def test_rubbish_is_refused(verifier: TokenVerifier, token: str) -> None:
    assert await refused(verifier, token)


async def test_a_changed_byte_is_noticed(auth: Publisher, verifier: TokenVerifier) -> None:
    head, body, signature = auth.token().split(".")
    other = auth.token(sub="bob").split(".")[1]
    assert other != body
    assert await refused(verifier, f"{head}.{other}.{signature}")


async def test_keys_are_fetched_once_for_many_at_the_start(auth: Publisher, verifier: TokenVerifier) -> None:
    await asyncio.gather(*(verifier.verify(auth.token(jti=str(n))) for n in range(50)))
    assert auth.asked == 1


def of_key(token: str, kid: str) -> str:
    """The same token under another key's name."""
    head = json.dumps({"alg": "ES256", "kid": kid}).encode()
    return base64.urlsafe_b64encode(head).rstrip(b"=").decode() + "." + token.split(".", 1)[1]


async def test_made_up_keys_do_not_hammer_auth(auth: Publisher, verifier: TokenVerifier) -> None:
    await verifier.verify(auth.token())
    flood = [refused(verifier, of_key(auth.token(), str(n))) for n in range(200)]
    assert all(await asyncio.gather(*flood))
    assert auth.asked == 2


async def test_a_flood_of_made_up_keys_holds_no_more_requests_than_so_many(
    auth: Publisher, verifier: TokenVerifier
) -> None:
    await verifier.verify(auth.token())
    flood = [asyncio.create_task(refused(verifier, of_key(auth.token(), str(n)))) for n in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await verifier.verify(of_key(auth.token(), "one more"))
    assert await verifier.verify(auth.token(jti="t2"))
    assert all(await asyncio.gather(*flood))


async def test_a_token_of_a_new_key_is_good_at_once(auth: Publisher, verifier: TokenVerifier) -> None:
    assert await refused(verifier, of_key(auth.token(), "made up"))
    auth.keys["k2"] = ec.generate_private_key(ec.SECP256R1())
    assert await verifier.verify(auth.token("k2"))
    assert auth.asked == 2


async def test_a_key_that_is_published_while_others_are_read_is_found_too(
    auth: Publisher, verifier: TokenVerifier
) -> None:
    await verifier.verify(auth.token())
    auth.is_asked.clear()
    auth.may_answer.clear()
    waiting = asyncio.create_task(refused(verifier, of_key(auth.token(), "made up")))
    await auth.is_asked.wait()
    auth.keys["k2"] = ec.generate_private_key(ec.SECP256R1())
    later = asyncio.create_task(verifier.verify(auth.token("k2")))
    await asyncio.sleep(0)
    auth.may_answer.set()
    assert await waiting
    assert await later


async def test_who_goes_away_while_keys_are_read_takes_nothing_from_the_others(
    auth: Publisher, verifier: TokenVerifier
) -> None:
    auth.may_answer.clear()
    gone = asyncio.create_task(verifier.verify(auth.token()))
    await auth.is_asked.wait()
    others = [asyncio.create_task(verifier.verify(auth.token(jti=str(n)))) for n in range(3)]
    await asyncio.sleep(0)
    gone.cancel()
    auth.may_answer.set()
    assert len(await asyncio.gather(*others)) == 3


async def test_a_key_that_is_withdrawn_is_believed_no_more_not_even_for_tokens_that_were_verified(
    auth: Publisher, verifier: TokenVerifier
) -> None:
    token = auth.token()
    assert await verifier.verify(token)
    auth.keys = {"k2": ec.generate_private_key(ec.SECP256R1())}
    reading = asyncio.create_task(verifier.run())
    async with asyncio.timeout(60):
        while not await refused(verifier, token):
            await asyncio.sleep(0.05)
    reading.cancel()


async def test_while_auth_is_away_known_keys_serve_and_nobody_is_told_that_a_token_is_bad(
    auth: Publisher, verifier: TokenVerifier
) -> None:
    await verifier.verify(auth.token())
    auth.is_up = False
    with pytest.raises(Unavailable):
        await verifier.verify(of_key(auth.token(), "k2"))
    failed_at = time.monotonic()
    for n in range(50):
        assert await verifier.verify(auth.token(jti=str(n)))
        with pytest.raises(Unavailable):
            await verifier.verify(of_key(auth.token(), "k2"))
    assert auth.asked - 2 <= (time.monotonic() - failed_at) / PAUSE_S


async def test_without_any_key_nothing_is_promised(auth: Publisher, verifier: TokenVerifier) -> None:
    auth.is_up = False
    with pytest.raises(Unavailable):
        await verifier.verify(auth.token())
    failed_at = time.monotonic()
    for _ in range(20):
        with pytest.raises(Unavailable):
            await verifier.verify(auth.token())
    assert auth.asked - 1 <= (time.monotonic() - failed_at) / PAUSE_S
    with pytest.raises(Unavailable):
        await verifier.check()


async def test_a_verified_token_is_forgotten_when_it_expires(auth: Publisher, verifier: TokenVerifier) -> None:
    token = auth.token(exp=int(time.time()) + 8)
    assert await verifier.verify(token)
    assert verifier.known(token)
    async with asyncio.timeout(60):
        while not await refused(verifier, token):
            await asyncio.sleep(0.05)
    assert verifier.known(token) is None


@pytest.mark.parametrize("header", [b"", b"Bearer", b"Bearer ", b"Basic YTpi", b"\xff\xfe", b"token"])
def test_another_authorization_is_no_bearer_token(header: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        bearer({b"authorization": header})
    assert refusal.value.status == 401


def test_the_scheme_may_be_written_in_any_case() -> None:
    assert bearer({b"authorization": b"bearer abc"}) == "abc"
