"""Scanners as they are: clamd and c-icap out of Debian's packages."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import uvloop

from libs.common.errors import Unavailable
from services.files.scanners import Scanner, ScanRefused, Verdict, scanner_from
from services.files.tests.scanning import EICAR, FOUND, LARGEST, STREAM_MOST, Scanners, scanners_in

INFECTED = Verdict(clean=False, signature=FOUND)


@pytest.fixture(scope="module")
def scanners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanners]:
    with scanners_in(tmp_path_factory.mktemp("scanners")) as running:
        yield running


@pytest.fixture(params=["clamd_url", "clamd_socket_url", "icap_url"])
def scanner(scanners: Scanners, request: pytest.FixtureRequest) -> Scanner:
    return made(getattr(scanners, request.param))


def made(url: str) -> Scanner:
    scanner = scanner_from(url)
    assert scanner is not None
    return scanner


async def cut(content: bytes, piece: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), piece):
        yield content[start : start + piece]


async def scan(scanner: Scanner, content: bytes, piece: int = 10_000) -> Verdict:
    return await scanner.scan(cut(content, piece), len(content))


@pytest.mark.parametrize("content", [b"x", b"hello\n" * 2_000, bytes(LARGEST - 1)], ids=len)
async def test_what_nothing_is_found_in_is_clean(scanner: Scanner, content: bytes) -> None:
    assert await scan(scanner, content) == Verdict(clean=True)


EDGE = 1_024 - len(EICAR)  # of what c-icap wants as a preview


@pytest.mark.parametrize(
    ("before", "piece"),
    [(0, 7), (EDGE, 7), *((before, 10_000) for before in (0, 1_000, EDGE - 1, EDGE, EDGE + 1)), (500_000, 1_000_000)],
)
async def test_what_is_known_is_found_wherever_it_stands(scanner: Scanner, before: int, piece: int) -> None:
    assert await scan(scanner, b"\n" * before + EICAR, piece) == INFECTED


async def test_a_scanner_that_answers_is_ready(scanner: Scanner) -> None:
    await scanner.check()


@pytest.mark.parametrize("size", [LARGEST + 1, STREAM_MOST + 1, 40 * LARGEST])
async def test_what_clamd_does_not_read_whole_is_refused(scanner: Scanner, size: int) -> None:
    with pytest.raises(ScanRefused):
        await scan(scanner, bytes(size), 256 * 1024)


@pytest.mark.parametrize("url", ["clamd_url", "icap_url"])
async def test_what_is_larger_than_we_know_it_to_read_is_refused_unasked(scanners: Scanners, url: str) -> None:
    scanner = made(f"{getattr(scanners, url)}?largest_mib=1")
    with pytest.raises(ScanRefused, match="up to 1048576 bytes"):
        await scan(scanner, bytes(LARGEST + 1))
    assert await scan(scanner, bytes(LARGEST - 1)) == Verdict(clean=True)


async def test_a_service_that_passes_the_file_on_before_its_verdict_is_refused(scanners: Scanners) -> None:
    scanner = made(scanners.icap_url.replace("avscan", "virus_scan?allow204=on&mode=mixed"))
    for content in (b"\n" * 2_000, b"\n" * 2_000 + EICAR):
        with pytest.raises(ScanRefused, match="no verdict"):
            await scan(scanner, content)


async def test_a_service_that_is_not_there_is_waited_for(scanners: Scanners) -> None:
    scanner = made(scanners.icap_url.replace("avscan", "nothing"))
    with pytest.raises(Unavailable, match="404"):
        await scan(scanner, b"hello")


async def test_without_clamd_nothing_has_a_verdict(scanners: Scanners, scanner: Scanner) -> None:
    scanners.clamd.stop()
    try:
        for content in (b"hello", b"hello" * 1_000, EICAR):
            with pytest.raises(Unavailable, match="scanner does not answer"):
                await scan(scanner, content)
    finally:
        scanners.clamd.start()
    assert await scan(scanner, EICAR) == INFECTED


async def test_a_file_that_cannot_be_read_now_is_no_verdict(scanner: Scanner) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 2_000
        raise Unavailable("S3", "gone")

    with pytest.raises(Unavailable, match="S3"):
        await scanner.scan(broken(), 10_000)


def test_it_is_the_same_on_the_event_loop_of_the_services(scanners: Scanners) -> None:
    async def all_of_them() -> None:
        for url in (scanners.clamd_url, scanners.clamd_socket_url, scanners.icap_url):
            scanner = made(url)
            outcomes = await asyncio.gather(*(scan(scanner, content) for content in (b"hello", EICAR)))
            assert outcomes == [Verdict(clean=True), INFECTED]
        with pytest.raises(ScanRefused):
            await scan(made(scanners.clamd_url), bytes(40 * LARGEST), 256 * 1024)

    uvloop.run(all_of_them())


def test_the_signature_file_is_the_only_place_where_the_string_stands_whole() -> None:
    for path in Path(__file__).parent.rglob("*.py"):
        assert EICAR not in path.read_bytes()
