"""The raw HTTP client: answers in pieces of any size, and connections that the server closes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.http import AnswerReader, Connection, head

ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"status": 1}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
BUSY = b"HTTP/1.1 503 x\r\nretry-AFTER: 7\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
STREAM = ACCEPTED + CHUNKED + ACCEPTED + BUSY


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_answers_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    reader = AnswerReader()
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges) if a < b]
    answers = [answer for piece in pieces for answer in reader.feed(piece)]
    assert [(a.status, a.body, a.retry_after_s, a.keep) for a in answers] == [
        (202, b'{"status": 1}', 0.0, True),
        (200, b"abcde", 0.0, True),
        (202, b'{"status": 1}', 0.0, True),
        (503, b"", 7.0, False),
    ]


def test_what_is_no_http_is_refused() -> None:
    with pytest.raises(httptools.HttpParserError):
        AnswerReader().feed(b"SSH-2.0-OpenSSH_9\r\n")


@asynccontextmanager
async def server(*answers: bytes) -> AsyncIterator[tuple[Connection, list[int]]]:
    """Answers in turn over as many connections as it takes; b"" hangs up. The list counts requests by connection."""
    left, served = list(answers), list[int]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(served)
        served.append(0)
        try:
            while left and await reader.readuntil(b"\r\n\r\n"):
                served[number] += 1
                answer = left.pop(0)
                writer.write(answer)
                if answer in (b"", BUSY):
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = running.sockets[0].getsockname()
    connection = Connection(host, port)
    try:
        yield connection, served
    finally:
        connection.close()
        running.close()


REQUEST = head("GET", "/x", "h", "T", 0)


async def test_requests_share_one_connection() -> None:
    async with server(ACCEPTED, ACCEPTED) as (connection, served):
        assert [(await connection.ask(REQUEST)).status for _ in range(2)] == [202, 202]
        assert served == [2]


async def test_a_connection_that_the_server_closes_is_opened_again() -> None:
    async with server(BUSY, ACCEPTED) as (connection, served):
        assert [(await connection.ask(REQUEST)).status for _ in range(2)] == [503, 202]
        assert served == [1, 1]


async def test_a_connection_that_breaks_says_so_and_serves_the_retry() -> None:
    async with server(b"", ACCEPTED) as (connection, _):
        with pytest.raises(ConnectionError):
            await connection.ask(REQUEST)
        assert (await connection.ask(REQUEST)).status == 202


async def test_an_answer_that_is_no_http_ends_the_request() -> None:
    async with server(b"nonsense\r\n\r\n") as (connection, _):
        with pytest.raises(ConnectionError, match="not HTTP"):
            await connection.ask(REQUEST)
