"""What scanners may answer and how badly, by servers that say what the test tells them, in the words of RFC 3507."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from libs.common.errors import Unavailable
from services.files.scanners import Scanner, ScanRefused, Verdict, clamd, scanner_from
from services.files.scanners.clamd import Clamd
from services.files.scanners.icap import Icap, parse_head, preview_of
from services.files.scanners.wire import Address, Deadlines

pytestmark = pytest.mark.pure

PATIENT = Deadlines(connect_s=60, send_s=60, answer_s=60)
HASTY = Deadlines(connect_s=5, send_s=0.5, answer_s=0.5)
LARGEST = 1024 * 1024
OPTIONS = b"ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\nEncapsulated: null-body=0\r\n\r\n"
CLEAN = b"ICAP/1.0 204 No Content\r\n\r\n"
Answers = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(answer: Answers) -> AsyncIterator[Address]:
    serving: set[asyncio.Task[None]] = set()  # nothing else holds one that neither reads nor writes

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    listening = await asyncio.start_server(begin, "127.0.0.1", 0)
    async with listening:
        yield Address("127.0.0.1", listening.sockets[0].getsockname()[1])
    for each in serving:
        each.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


def icap(script: Callable[[bytes, asyncio.StreamReader], Awaitable[bytes]], options: bytes = OPTIONS) -> Answers:
    """An ICAP server: the head of a request and what follows → its answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(options if head.startswith(b"OPTIONS") else await script(head, reader))
        await writer.drain()

    return answer


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1_000):
        yield content[start : start + 1_000]


async def scan_with(make: Callable[[Address], Scanner], answer: Answers, content: bytes = b"hello") -> Verdict:
    async with server(answer) as address:
        return await make(address).scan(chunks(content), len(content))


def clamd_at(address: Address, deadlines: Deadlines = PATIENT) -> Scanner:
    return Clamd(address, LARGEST, deadlines)


def icap_at(address: Address, deadlines: Deadlines = PATIENT) -> Scanner:
    return Icap(address, "scan", LARGEST, deadlines)


def hasty_clamd(address: Address) -> Scanner:
    return clamd_at(address, HASTY)


def hasty_icap(address: Address) -> Scanner:
    return icap_at(address, HASTY)


async def body_of(reader: asyncio.StreamReader, parts: int) -> bytes:
    """An encapsulated body, after so many HTTP heads."""
    for _ in range(parts):
        await reader.readuntil(b"\r\n\r\n")
    return await reader.readuntil(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("stream: OK", Verdict(clean=True)),
        ("stream: Win.Test-1 FOUND", Verdict(clean=False, signature="Win.Test-1")),
        ("stream: Odd name FOUND", Verdict(clean=False, signature="Odd name")),
        *((words, None) for words in ("", "OK", "stream: ", "stream: Can't allocate memory ERROR", "UNKNOWN COMMAND")),
    ],
)
def test_clamd_has_one_word_for_clean(reply: str, verdict: Verdict | None) -> None:
    assert clamd.verdict_of(reply) == verdict


@pytest.mark.parametrize(
    "reply", ["INSTREAM size limit exceeded. ERROR", "stream: Heuristics.Limits.Exceeded.MaxFiles FOUND"]
)
def test_clamd_refuses_by_its_limits(reply: str) -> None:
    with pytest.raises(ScanRefused):
        clamd.verdict_of(reply)


@pytest.mark.parametrize("make", [clamd_at, icap_at])
@pytest.mark.parametrize(
    ("said", "words"),
    [(b"", "closed"), (b"x" * 300_000, "no end"), (b"HTTP/1.1 400 Bad\r\n\r\n\0", "ICAP|says"), (b"\0\r\n\r\n", "it ")],
)
async def test_rubbish_is_no_verdict(make: Callable[[Address], Scanner], said: bytes, words: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(said)
        writer.write_eof()
        await reader.read()  # whoever closes over what was not read resets the connection

    with pytest.raises(Unavailable, match=words):
        await scan_with(make, answer)


@pytest.mark.parametrize("make", [hasty_clamd, hasty_icap])
async def test_a_scanner_that_is_silent_is_not_waited_for_without_end(make: Callable[[Address], Scanner]) -> None:
    async def answer(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass

    with pytest.raises(Unavailable, match=r"no answer within 0\.5 s"):
        await scan_with(make, answer)


async def test_a_scanner_that_takes_nothing_is_not_waited_for_without_end() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.wait_closed()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1_000_000)

    async with server(answer) as address:
        with pytest.raises(Unavailable, match=r"took nothing for 0\.5 s"):
            await hasty_clamd(address).scan(endless(), 1)


async def test_an_answer_before_the_end_is_heard() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1_000)
        writer.write(b"stream: Early-1 FOUND\0")

    verdict = await scan_with(clamd_at, answer, bytes(LARGEST))
    assert verdict == Verdict(clean=False, signature="Early-1")


async def test_icap_sees_the_whole_file_where_it_wants_no_preview() -> None:
    bodies = []

    async def script(head: bytes, reader: asyncio.StreamReader) -> bytes:
        assert head.startswith(b"RESPMOD icap://")
        assert b"Allow: 204\r\n" in head
        assert b"Preview" not in head
        bodies.append(await body_of(reader, 2))
        return CLEAN

    assert await scan_with(icap_at, icap(script), b"x" * 1_500) == Verdict(clean=True)
    assert bodies == [b"3e8\r\n" + b"x" * 1_000 + b"\r\n1f4\r\n" + b"x" * 500 + b"\r\n0\r\n\r\n"]


@pytest.mark.parametrize(
    ("content", "first", "rest"),
    [
        (b"", b"0; ieof\r\n\r\n", None),
        (b"four", b"4\r\nfour\r\n0; ieof\r\n\r\n", None),
        (b"eight by", b"4\r\neigh\r\n0\r\n\r\n", b"4\r\nt by\r\n0\r\n\r\n"),
    ],
)
async def test_a_preview_says_whether_it_is_all(content: bytes, first: bytes, rest: bytes | None) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readuntil(b"\r\n\r\n")).startswith(b"OPTIONS"):
            writer.write(OPTIONS.replace(b"\r\n\r\n", b"\r\nPreview: 4\r\n\r\n"))
            return
        await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(first)) == first
        if rest is not None:
            writer.write(b"ICAP/1.0 100 Continue\r\n\r\n")
            assert await reader.readexactly(len(rest)) == rest
        writer.write(CLEAN)

    assert await scan_with(icap_at, answer, content) == Verdict(clean=True)


async def test_a_service_that_only_knows_requests_is_shown_one() -> None:
    async def script(head: bytes, reader: asyncio.StreamReader) -> bytes:
        assert head.startswith(b"REQMOD icap://")
        assert b"Encapsulated: req-hdr=0, req-body=" in head
        await body_of(reader, 1)
        return CLEAN

    options = OPTIONS.replace(b"RESPMOD", b"REQMOD")
    assert await scan_with(icap_at, icap(script, options)) == Verdict(clean=True)


PAGE = b"Encapsulated: res-hdr=0, res-body=30\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n5\r\nblock\r\n0\r\n\r\n"
SAME = b"Encapsulated: res-hdr=0, res-body=19\r\n\r\nHTTP/1.1 200 OK\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
INFECTION = b"X-Infection-Found: Type=0; Resolution=2; Threat=Worm-9;\r\n"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (b"ICAP/1.0 200 OK\r\n" + INFECTION + PAGE, Verdict(clean=False, signature="Worm-9")),
        (b"ICAP/1.0 200 OK\r\n" + INFECTION + SAME, Verdict(clean=False, signature="Worm-9")),
        (b"ICAP/1.0 204 OK\r\n" + INFECTION + b"\r\n", Verdict(clean=False, signature="Worm-9")),
        (b"ICAP/1.0 200 OK\r\nX-Virus-ID: Worm-8\r\n" + PAGE, Verdict(clean=False, signature="Worm-8")),
        (b"ICAP/1.0 200 OK\r\n" + PAGE, Verdict(clean=False)),
        (b"ICAP/1.0 204 OK\r\nX-Violations-Found: 0\r\n\r\n", Verdict(clean=True)),
    ],
)
async def test_what_icap_says_of_a_file(answer: bytes, verdict: Verdict) -> None:
    async def script(_head: bytes, reader: asyncio.StreamReader) -> bytes:
        await body_of(reader, 2)
        return answer

    assert await scan_with(icap_at, icap(script)) == verdict


async def test_another_file_is_no_verdict() -> None:
    async def script(_head: bytes, reader: asyncio.StreamReader) -> bytes:
        await body_of(reader, 2)
        return b"ICAP/1.0 200 OK\r\n" + SAME

    with pytest.raises(ScanRefused, match="another file"):
        await scan_with(icap_at, icap(script))


@pytest.mark.parametrize("status", [b"400 Bad", b"404 No such service", b"500 Error", b"206 Partial", b"503 Busy"])
async def test_any_other_answer_of_icap_is_no_verdict(status: bytes) -> None:
    async def script(_head: bytes, _reader: asyncio.StreamReader) -> bytes:
        return b"ICAP/1.0 " + status + b"\r\n\r\n"

    with pytest.raises(Unavailable, match=status.decode()):
        await scan_with(icap_at, icap(script))


def test_continued_lines_belong_to_their_header() -> None:
    head = parse_head(b"ICAP/1.0 200 OK\r\nX-Violations-Found: 1\r\n\tfile\r\n\tWorm\r\nPreview: 0\r\n\r\n")
    assert head is not None
    assert head.headers["x-violations-found"] == "1 file Worm"
    assert preview_of(head) == 0


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("clamd://scanner.example", "clamd at scanner.example:3310"),
        ("clamd://[::1]:4000/?largest_mib=5", "clamd at [::1]:4000"),
        ("clamd+unix:///run/clamd.ctl", "clamd at /run/clamd.ctl"),
        ("icap://scanner.example/av/scan", "ICAP service icap://scanner.example:1344/av/scan"),
        ("icap://10.0.0.9:99/av?mode=simple&largest_mib=5", "ICAP service icap://10.0.0.9:99/av?mode=simple"),
    ],
)
def test_a_setting_names_a_scanner(url: str, name: str) -> None:
    scanner = scanner_from(url)
    assert scanner is not None
    assert scanner.name == name


def test_without_a_setting_there_is_none() -> None:
    assert scanner_from("") is None


@pytest.mark.parametrize(
    "url",
    [
        *("clamd", "http://a.example/", "clamd://", "clamd://a.example/path", "clamd://a.example:x", "clamd://a:99999"),
        *("clamd+unix://host/path", "clamd+unix://", "icap://a.example", "icap://a.example/", "icap:///avscan"),
        *("clamd://a.example?largest_mib=0", "clamd://a.example?largest_mib=x", "clamd://a.example?largest=5"),
    ],
)
def test_what_is_no_scanner_is_said_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="a scanner is clamd://"):
        scanner_from(url)
