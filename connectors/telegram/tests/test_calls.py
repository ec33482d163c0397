"""What no case can say of calls: deadlines, many at once, the size of memory, and who may read the token."""

import asyncio
import logging
import socket
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.exam.cases import Reply
from connectors.exam.platform import Platform, platform, swallowing
from connectors.formats.shapes import Upload
from connectors.multipart import Form
from connectors.sdk import Outbound, OutboundFile, Refused, Text, Unreachable
from connectors.telegram import Settings, Telegram

MIB = 1024 * 1024
TOKEN, SECRET = "700000001:a_token_of_tests", "a-secret-of-tests"
SENT = Reply(json={"ok": True, "result": {"message_id": 7, "chat": {"id": 42, "type": "private"}, "date": 1}})
ACTED = Reply(json={"ok": True, "result": True})
BLOCKED = Reply(403, json={"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})
SILENT = Reply(then="stay silent")
HI = Outbound("m1", "42", Text("hi"))


def bot(url: str, http: httpx.AsyncClient, timeout_s: float = 30) -> Telegram:
    return Telegram(http, Settings(token=TOKEN, webhook_secret=SECRET, base_url=url, timeout_s=timeout_s))


@asynccontextmanager
async def telegram(replies: Sequence[Reply], timeout_s: float = 30) -> AsyncIterator[tuple[Telegram, Platform]]:
    async with platform(replies) as server, httpx.AsyncClient(trust_env=False) as http:
        yield bot(server.url, http, timeout_s), server


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


def file(size: int) -> OutboundFile:
    return OutboundFile("m1", "42", "film.mkv", "video/x-matroska", size)


async def test_nobody_listening_means_that_nothing_was_sent() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        async with httpx.AsyncClient(trust_env=False) as http:
            with pytest.raises(Unreachable) as caught:
                await bot(f"http://127.0.0.1:{held.getsockname()[1]}", http).send_message(HI)
    assert (caught.value.detail, caught.value.uncertain) == ("ConnectError", False)


async def test_waiting_for_a_connection_of_ones_own_means_that_nothing_was_sent() -> None:
    limits = httpx.Limits(max_connections=1)
    async with platform([SILENT, SENT]) as server, httpx.AsyncClient(trust_env=False, limits=limits) as http:
        one = bot(server.url, http, timeout_s=12)
        first, second = await asyncio.gather(one.send_message(HI), one.send_message(HI), return_exceptions=True)
    assert isinstance(first, Unreachable)
    assert isinstance(second, Unreachable)
    assert {first.uncertain, second.uncertain} == {True, False}


async def test_an_answer_that_trickles_does_not_stretch_the_deadline() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 -\r\ncontent-length: 1000\r\n\r\n")
        gone = asyncio.ensure_future(reader.read())
        while not gone.done():
            writer.write(b" ")
            await asyncio.wait([gone], timeout=0.05)
        gone.exception()
        writer.close()

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    started = monotonic()
    async with server, httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(Unreachable) as caught:
            await bot(url, http, timeout_s=3).send_message(HI)
    assert monotonic() - started < 30
    assert caught.value.uncertain


async def test_one_chat_that_hangs_keeps_no_other_waiting() -> None:
    async with telegram([SILENT, SENT], timeout_s=30) as (one, server):
        hanging = asyncio.create_task(one.send_message(HI))
        async with asyncio.timeout(60):
            while not server.seen:
                await asyncio.sleep(0.001)
        assert (await one.send_message(HI)).external_ids == ("42/7",)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging


async def test_a_large_file_passes_through_a_small_memory() -> None:
    size, piece = 50 * MIB, bytes(256 * 1024)
    async with swallowing(ACTED, SENT) as server, httpx.AsyncClient(trust_env=False) as http:
        tracemalloc.start()
        await bot(server.url, http).send_file(file(size), pieces(*[piece] * (size // len(piece))))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert server.taken > size
    assert peak < 4 * MIB


@pytest.mark.parametrize("given", [b"too short", b"a little too long for it"])
async def test_a_file_of_another_length_than_it_says_is_not_sent(given: bytes) -> None:
    async with telegram([ACTED, SENT]) as (one, server):
        with pytest.raises(Unreachable, match="not as long as") as caught:
            await one.send_file(file(12), pieces(given))
    assert not caught.value.uncertain
    assert [seen.path.rpartition("/")[2] for seen in server.seen] == ["sendChatAction"]


async def test_a_source_that_fails_ends_the_call_with_its_own_failure() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise OSError("the disk is gone")

    async with telegram([ACTED, SENT]) as (one, _):
        with pytest.raises(OSError, match="the disk is gone"):
            await one.send_file(file(12), broken())


async def test_of_a_file_that_is_refused_no_byte_is_read() -> None:
    content = pieces(b"never read")
    async with telegram([BLOCKED]) as (one, _):
        with pytest.raises(Refused):
            await one.send_file(file(10), content)
    assert await anext(content) == b"never read"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), st.binary(max_size=200))
async def test_a_form_is_read_as_it_was_written(filename: str, content: bytes) -> None:
    given = OutboundFile("m1", "42", filename, "text/plain", len(content))
    form = Form({"chat_id": "42", "caption": "ä\r\n--b"}, "document", given, pieces(content))
    body = b"".join([part async for part in form])
    assert len(body) == int(form.headers["content-length"])
    boundary = form.headers["content-type"].partition("boundary=")[2].encode()
    *fields, document, end = body.split(b"--" + boundary)
    assert [field.partition(b"\r\n\r\n")[2] for field in fields[1:]] == [b"42\r\n", "ä\r\n--b\r\n".encode()]
    head, _, rest = document.partition(b"\r\n\r\n")
    assert head.count(b"\r\n") == 2
    assert f'filename="{filename.replace(chr(34), "%22")}"'.encode() in head
    assert (rest, end) == (content + b"\r\n", b"--\r\n")


async def test_a_name_cannot_break_out_of_its_header() -> None:
    name = 'a"; name="chat_id"\r\n\r\n666\r\n.txt'
    async with telegram([ACTED, SENT]) as (one, server):
        await one.send_file(OutboundFile("m1", "42", name, "text/plain\r\nx: y", 2), pieces(b"ok"))
    form = server.seen[1].form
    assert form["chat_id"] == "42"
    assert set(form) == {"chat_id", "document"}
    assert isinstance(form["document"], Upload)
    assert form["document"].size == 2


async def test_the_token_stays_out_of_failures_and_representations(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "connectors")
    told = [repr(Settings(token=TOKEN, webhook_secret=SECRET))]
    for reply in (BLOCKED, Reply(then="hang up"), Reply(502, text="no")):
        async with telegram([reply]) as (one, _):
            with pytest.raises((Refused, Unreachable)) as caught:
                await one.send_message(HI)
            told += [repr(caught.value), str(caught.value), repr(one)]
    told += [record.getMessage() for record in caplog.records if record.name.startswith("connectors")]
    assert not [words for words in told if "a_token_of_tests" in words or SECRET in words]


async def test_a_download_can_be_left_half_read() -> None:
    found = Reply(json={"ok": True, "result": {"file_id": "f", "file_unique_id": "u", "file_path": "photos/a.jpg"}})
    async with telegram([found, Reply(text="x" * MIB), SENT]) as (one, _):
        attachment, content = await one.open_file("f")
        assert (attachment.filename, attachment.content_type) == ("a.jpg", "image/jpeg")
        assert (await anext(content)).startswith(b"x")
        await content.aclose()  # type: ignore[attr-defined]
