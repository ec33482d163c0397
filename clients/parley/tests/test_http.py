"""The HTTP client against answers as the contract has them, and against a platform that stumbles."""

import gzip
import json

import pytest

from clients.parley import ParleyClient, ParleyError, ProblemError, UnreachableError, http
from clients.parley.errors import read_problem
from clients.parley.tests.scripted import answer, http_server, nobody

ACCEPTED = {
    "message_id": "m1",
    "conversation_id": "c1",
    "status": "ACCEPTED",
    "accepted_at": "2026-11-21T10:15:30.123Z",
}
BUSY = {"title": "Busy", "status": 503, "detail": "Kafka does not answer", "code": "kafka_unavailable"}
TAKEN = {"title": "Taken", "status": 409, "detail": "ana is taken", "code": "username_taken", "trace_id": "t1"}


def body_of(request: bytes) -> dict[str, object]:
    found: dict[str, object] = json.loads(request.split(b"\r\n\r\n", 1)[1])
    return found


async def test_a_send_that_met_503_goes_again_under_the_same_message_id() -> None:
    async with http_server(answer(503, BUSY), answer(202, ACCEPTED)) as (url, asked), ParleyClient(url) as client:
        accepted = await client.send("c1", "hi")
    assert accepted.status == "ACCEPTED"
    assert body_of(asked[0])["message_id"] == body_of(asked[1])["message_id"]


async def test_a_send_whose_connection_broke_goes_again_under_the_same_message_id() -> None:
    async with http_server(b"", answer(202, ACCEPTED)) as (url, asked), ParleyClient(url) as client:
        await client.send("c1", "hi", reply_to="m0")
    assert body_of(asked[0]) == body_of(asked[1])
    assert body_of(asked[1])["reply_to"] == "m0"


async def test_tries_are_bounded_and_the_last_problem_is_told() -> None:
    async with http_server(*[answer(503, BUSY)] * 2) as (url, asked), ParleyClient(url, attempts=2) as client:
        with pytest.raises(ProblemError) as caught:
            await client.status("m1")
    assert (caught.value.code, len(asked)) == ("kafka_unavailable", 2)


async def test_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    late = answer(503, BUSY, "Retry-After: 30")
    async with http_server(late) as (url, asked), ParleyClient(url, deadline_s=25) as client:
        with pytest.raises(ProblemError) as caught:
            await client.status("m1")
    assert (caught.value.retry_after_s, len(asked)) == (30, 1)


async def test_a_registration_is_never_repeated() -> None:
    async with http_server(b"", answer(201, {"username": "ana"})) as (url, asked), ParleyClient(url) as client:
        with pytest.raises(UnreachableError):
            await client.register("ana", "correct horse")
    assert len(asked) == 1


async def test_a_refusal_is_told_at_once() -> None:
    async with http_server(answer(409, TAKEN)) as (url, _), ParleyClient(url) as client:
        with pytest.raises(ProblemError) as caught:
            await client.register("ana", "correct horse")
    error = caught.value
    assert (error.status, error.code, error.trace_id) == (409, "username_taken", "t1")
    assert "ana is taken" in str(error)


async def test_after_log_in_calls_carry_the_token_and_none_before() -> None:
    tokens = {"access_token": "T", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "R"}
    page: dict[str, object] = {"items": [], "next_cursor": None, "something": "new"}
    async with http_server(answer(200, tokens), answer(200, page)) as (url, asked), ParleyClient(url) as client:
        await client.log_in("ana", "correct horse")
        assert (await client.conversations()).items == ()
    assert b"authorization" not in asked[0].lower()
    assert b"Bearer T" in asked[1]


async def test_an_answer_out_of_contract_is_an_error_of_the_client_and_no_crash() -> None:
    async with http_server(answer(200, {"items": 7})) as (url, _), ParleyClient(url) as client:
        with pytest.raises(ParleyError, match="out of contract"):
            await client.conversations()


async def test_nobody_at_home_is_unreachable() -> None:
    with nobody() as url:
        async with ParleyClient(url, attempts=2) as client:
            with pytest.raises(UnreachableError, match="does not answer"):
                await client.conversations()


async def test_a_message_has_a_text_or_a_payload_and_not_both() -> None:
    async with ParleyClient("http://127.0.0.1:9") as client:
        with pytest.raises(ValueError, match="either"):
            await client.send("c1", "hi", payload={"type": "location", "latitude": 1.0, "longitude": 2.0})


def test_a_problem_brings_its_fields_and_the_wait() -> None:
    body = b'{"status": 422, "code": "invalid_field", "errors": [{"pointer": "/to/0", "detail": "no member"}]}'
    error = read_problem(422, {"retry-after": "7"}, body)
    assert (error.code, error.retry_after_s) == ("invalid_field", 7.0)
    assert (error.errors[0].pointer, error.errors[0].detail) == ("/to/0", "no member")


@pytest.mark.parametrize("body", [b"<html>504</html>", b"", b"[1]", b'{"code": 7}', b"\xff"])
def test_an_answer_that_is_no_problem_is_still_a_problem_error(body: bytes) -> None:
    error = read_problem(504, {}, body)
    assert (error.status, error.code, error.retry_after_s) == (504, "not_a_problem", None)


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_without_an_end_is_not_kept(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 100_000)
    endless = f"HTTP/1.1 {status} x\r\nContent-Length: {10**12}\r\n\r\n".encode() + bytes(200_000)
    async with http_server(endless) as (url, _), ParleyClient(url) as client:
        with pytest.raises(ParleyError, match="more than"):
            await client.status("m1")


async def test_an_answer_that_grows_when_it_is_unpacked_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 100_000)
    packed = gzip.compress(bytes(10**6))
    head = f"HTTP/1.1 200 x\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    async with http_server(head.encode() + packed) as (url, _), ParleyClient(url) as client:
        with pytest.raises(ParleyError, match="more than"):
            await client.status("m1")


async def test_an_answer_that_cannot_be_unpacked_is_told_in_words() -> None:
    rubbish = b"HTTP/1.1 200 x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
    async with http_server(rubbish) as (url, _), ParleyClient(url) as client:
        with pytest.raises(ParleyError, match="cannot be read"):
            await client.status("m1")


async def test_a_token_goes_to_no_other_address_though_an_answer_leads_there() -> None:
    async with http_server() as (elsewhere, heard):
        redirect = answer(307, {}, f"Location: {elsewhere}/v1/messages/m1/status")
        async with http_server(redirect) as (url, _), ParleyClient(url, access_token="T") as client:
            with pytest.raises(ParleyError):
                await client.status("m1")
    assert heard == []


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_that_is_nested_without_end_is_told_in_words(status: int) -> None:
    body = b'{"scan": {"a": ' + b"[" * 100_000
    deep = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    async with http_server(deep) as (url, _), ParleyClient(url) as client:
        with pytest.raises(ParleyError):
            await client.files.get("f1")
