"""What the Graph API answers, in the words of the contract; what may be known of a token is known to nobody."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.exam.cases import Reply
from connectors.exam.platform import Platform, platform
from connectors.meta import COMMON, Again, Graph, Meanings, Settings, Wait, refusal_of
from connectors.meta.failures import failure_of
from connectors.sdk import OutboundFile, Refused, Throttled, Unreachable

TOKEN, SECRET = "a-token-of-tests", "a-secret-of-tests"
KNOWN: Meanings = {**COMMON, (10, 2018278): "window_closed", 131056: Wait(6)}


@asynccontextmanager
async def graph(replies: Sequence[Reply], timeout_s: float = 30) -> AsyncIterator[tuple[Graph, Platform]]:
    async with platform(replies) as server, httpx.AsyncClient(trust_env=False) as http:
        settings = Settings(
            access_token=TOKEN, app_secret=SECRET, verify_token="v", base_url=server.url, timeout_s=timeout_s
        )
        yield Graph(http, settings, KNOWN), server


def error(code: int, status: int = 400, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": "No", "code": code, **more}}, headers=headers)


async def test_a_call_names_the_version_and_bears_the_token_in_its_header_alone() -> None:
    async with graph([Reply(json={"success": True})]) as (api, server):
        assert await api.post("1234/messages", {"text": "hi"}, dict[str, bool]) == {"success": True}
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.json) == ("POST", "/v25.0/1234/messages", {"text": "hi"})
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_question_has_its_fields_in_the_query() -> None:
    async with graph([Reply(json={"id": "1234"})]) as (api, server):
        await api.get("1234", dict[str, str], fields="id,name")
    assert (server.seen[0].method, server.seen[0].path) == ("GET", "/v25.0/1234?fields=id%2Cname")


async def test_a_file_goes_as_a_form_that_is_written_while_it_is_read() -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"by"
        yield b"tes"

    file = OutboundFile("m1", "42", "a.txt", "text/plain", 5)
    async with graph([Reply(json={"id": "7"})]) as (api, server):
        await api.upload("1234/media", {"type": "text/plain"}, "file", file, content(), dict[str, str])
    form = server.seen[0].form
    assert form["type"] == "text/plain"
    assert form["file"] == ("a.txt", 5, "text/plain")
    assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(190, 401), ("Refused", "unauthorized")),
        (error(200, 403), ("Refused", "unauthorized")),
        (error(299, 403), ("Refused", "unauthorized")),
        (error(100), ("Refused", "bad_request")),
        (error(10, 403), ("Refused", "unauthorized")),
        (error(10, 403, error_subcode=2018278), ("Refused", "window_closed")),
        (error(999_999), ("Refused", "bad_request")),
        (error(4), ("Throttled", 60)),
        (error(131056), ("Throttled", 6)),
        (error(131056, headers={"retry-after": "11"}), ("Throttled", 11)),
        (error(131056, headers={"retry-after": "soon"}), ("Throttled", 6)),
        (error(131056, headers={"retry-after": "9" * 400}), ("Throttled", 86400)),
        (
            error(
                80007, headers={"x-business-use-case-usage": '{"1": [{"estimated_time_to_regain_access": 3}], "2": []}'}
            ),
            ("Throttled", 180),
        ),
        (error(80007, headers={"x-business-use-case-usage": "{"}), ("Throttled", 60)),
        (error(0, 429), ("Throttled", 60)),
        (error(2, 500), ("Unreachable", True)),
        (error(999_999, is_transient=True), ("Unreachable", True)),
        (error(999_999, 502), ("Unreachable", True)),
        (httpx.Response(502, text="<html>"), ("Unreachable", True)),
        (httpx.Response(503, text=""), ("Unreachable", False)),
        (httpx.Response(302, headers={"location": "https://elsewhere.example"}), ("Unreachable", True)),
    ],
    ids=repr,
)
def test_an_error_has_its_meaning(answer: httpx.Response, expected: tuple[str, Any]) -> None:
    match failure_of(answer, KNOWN):
        case Refused(code=code):
            assert expected == ("Refused", code)
        case Throttled(after_s=after_s):
            assert expected == ("Throttled", after_s)
        case Unreachable(uncertain=uncertain):
            assert expected == ("Unreachable", uncertain)
        case other:
            pytest.fail(repr(other))


@given(
    st.binary(max_size=60),
    st.integers(300, 599),
    st.dictionaries(st.sampled_from(["retry-after"]), st.text("0123 .-e")),
)
def test_whatever_is_answered_is_a_failure_of_the_contract(body: bytes, status: int, headers: dict[str, str]) -> None:
    failure = failure_of(httpx.Response(status, content=body, headers=headers), KNOWN)
    assert isinstance(failure, Refused | Throttled | Unreachable)


def test_the_details_are_told_beside_the_message() -> None:
    failure = failure_of(error(100, error_data={"messaging_product": "whatsapp", "details": "Too long"}), KNOWN)
    assert str(failure) == "bad_request: No (Too long)"
    assert str(failure_of(error(100, error_data="Too long"), KNOWN)) == "bad_request: No"


def test_what_is_told_afterwards_is_a_refusal_or_nothing() -> None:
    table: Meanings = {**KNOWN, 7: Again()}
    assert [refusal_of(code, table) for code in (190, 4, 7, 999_999)] == ["unauthorized", None, None, None]


@pytest.mark.parametrize("with_token", [True, False])
async def test_a_file_is_fetched_with_the_token_where_it_is_asked_for(with_token: bool) -> None:
    async with graph([Reply(text="bytes")]) as (api, server):
        content = api.download(f"{server.url}/file/7", with_token=with_token)
        assert b"".join([piece async for piece in content]) == b"bytes"
    assert ("authorization" in server.seen[0].headers) == with_token


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "file:///etc/passwd", "", "https:/x"])
async def test_nothing_is_fetched_from_elsewhere(url: str) -> None:
    async with graph([]) as (api, _):
        with pytest.raises(Refused):
            api.download(url, with_token=True)


@pytest.mark.parametrize("status", [404, 410])
async def test_a_file_that_is_gone_is_not_found(status: int) -> None:
    async with graph([Reply(status)]) as (api, server):
        with pytest.raises(Refused) as caught:
            await anext(aiter(api.download(f"{server.url}/file/7", with_token=True)))
    assert caught.value.code == "not_found"


async def test_no_failure_tells_a_secret() -> None:
    told = [repr(Settings(access_token=TOKEN, app_secret=SECRET, verify_token="v"))]
    for reply in (Reply(401, json={"error": {"message": "No", "code": 190}}), Reply(then="hang up"), Reply(502)):
        async with graph([reply]) as (api, _):
            with pytest.raises((Refused, Unreachable)) as caught:
                await api.post("1234/messages", {}, dict[str, Any])
            told += [repr(caught.value), str(caught.value), repr(api)]
    assert not [words for words in told if TOKEN in words or SECRET in words]
