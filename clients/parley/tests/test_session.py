"""Renewal of tokens: once for all who ask, never lost, and only the server's word ends a session."""

import asyncio
import time
from contextlib import suppress

import pytest

from clients.parley import Grant, ParleyClient, SessionEndedError, UnreachableError
from clients.parley import session as sessions
from clients.parley.objects import Tokens
from clients.parley.session import InMemory, Session, grant_of
from clients.parley.tests.scripted import answer, http_server

NEW = {"access_token": "T2", "refresh_token": "R2", "token_type": "Bearer", "expires_in": 3600}
PAGE: dict[str, object] = {"items": [], "next_cursor": None}
REFUSED = {"status": 401, "code": "unauthenticated", "title": "No"}
BUSY = {"status": 503, "code": "etcd_unavailable", "title": "Busy"}


class Desk:
    """Gives new tokens when told to, and counts who asks."""

    def __init__(self, *results: Tokens | Exception) -> None:
        self.asked: list[str] = []
        self.open = asyncio.Event()
        self._results = list(results)

    async def exchange(self, refresh_token: str) -> Tokens:
        self.asked.append(refresh_token)
        await self.open.wait()
        result = self._results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


def ended() -> Grant:
    return Grant("T", "R", renew_at=0.0, expires_at=0.0)


async def test_calls_that_ask_together_share_one_renewal_and_get_the_newest_token() -> None:
    desk = Desk(Tokens("T2", 3600, "R2"))
    session = Session(desk.exchange, InMemory(ended()))
    calls = [asyncio.create_task(session.token()) for _ in range(20)]
    desk.open.set()
    assert set(await asyncio.gather(*calls)) == {"T2"}
    assert desk.asked == ["R"]
    assert session.grant is not None
    assert session.grant.refresh_token == "R2"


async def test_a_renewal_outlives_the_call_that_asked_for_it() -> None:
    desk = Desk(Tokens("T2", 3600, "R2"))
    session = Session(desk.exchange, InMemory(ended()))
    call = asyncio.create_task(session.token())
    await asyncio.sleep(0)
    call.cancel()
    with suppress(asyncio.CancelledError):
        await call
    desk.open.set()
    await session.settled()
    assert await session.token() == "T2"


async def test_a_token_that_is_still_good_is_used_when_it_cannot_be_renewed_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "AGAIN_S", 3600.0)
    desk = Desk(UnreachableError("away"))
    desk.open.set()
    soon = Grant("T", "R", renew_at=0.0, expires_at=time.time() + 3600)
    session = Session(desk.exchange, InMemory(soon))
    assert [await session.token() for _ in range(3)] == ["T", "T", "T"]
    assert desk.asked == ["R"]


async def test_one_that_is_over_is_an_error_when_it_cannot_be_renewed() -> None:
    desk = Desk(UnreachableError("away"))
    desk.open.set()
    with pytest.raises(UnreachableError):
        await Session(desk.exchange, InMemory(ended())).token()


async def test_what_another_process_renewed_is_taken_and_not_renewed_again() -> None:
    desk = Desk()
    shared = InMemory(Grant("T", "R"))
    session = Session(desk.exchange, shared)
    shared.save(Grant("T2", "R2"))
    assert await session.renew("T") == "T2"
    shared.save(None)
    with pytest.raises(SessionEndedError):
        await session.renew("T2")
    assert desk.asked == []


def test_short_lived_tokens_are_renewed_in_the_last_tenth_of_their_life() -> None:
    assert grant_of(Tokens("T", 3600), 1000.0).renew_at == 1000.0 + 3540.0
    assert grant_of(Tokens("T", 10), 1000.0).renew_at == 1000.0 + 9.0


async def test_a_call_that_is_refused_goes_again_with_a_renewed_token() -> None:
    answers = (answer(401, REFUSED), answer(200, NEW), answer(200, PAGE))
    async with http_server(*answers) as (url, asked), client_of(url) as client:
        assert (await client.conversations()).items == ()
    assert b'"refresh_token":"R"' in asked[1]
    assert b"authorization" not in asked[1].lower()
    assert b"Bearer T2" in asked[2]


async def test_a_lost_answer_to_a_renewal_is_asked_for_again_with_the_same_token() -> None:
    answers = (answer(401, REFUSED), b"", answer(503, BUSY), answer(200, NEW), answer(200, PAGE))
    async with http_server(*answers) as (url, asked), client_of(url) as client:
        await client.conversations()
    assert asked[1].split(b"\r\n\r\n")[1] == asked[2].split(b"\r\n\r\n")[1] == asked[3].split(b"\r\n\r\n")[1]


async def test_a_refresh_token_that_is_refused_ends_the_session() -> None:
    async with http_server(*[answer(401, REFUSED)] * 2) as (url, asked), client_of(url) as client:
        with pytest.raises(SessionEndedError):
            await client.conversations()
    assert len(asked) == 2


async def test_logging_out_revokes_the_refresh_token_and_forgets() -> None:
    async with http_server(answer(200, {})) as (url, asked), client_of(url) as client:
        await client.log_out()
        assert client.access_token is None
    assert b"POST /v1/auth/revoke" in asked[0]
    assert b'{"token":"R"}' in asked[0]


def client_of(url: str) -> ParleyClient:
    client = ParleyClient(url)
    client.session.take(Grant("T", "R"))
    return client
