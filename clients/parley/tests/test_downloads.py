"""Downloads against a platform that stumbles: whole and compared under their name, or not there at all."""

import asyncio
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.parley import AlreadyThereError, LocalFileError, ParleyClient, ParleyError, ProblemError, StorageError
from clients.parley.files import Downloaded
from clients.parley.files.local import in_thread
from clients.parley.files.names import MOST_BYTES, safe_name
from clients.parley.files.transfer import pieces_of
from clients.parley.tests.scripted_files import BUSY, CUT, EXPIRED, FILE_ID, LONG_AGO, Platform, serving

PIECE = 50_000
CONTENT = os.urandom(5 * PIECE - 7)


def kept(**options: object) -> Platform:
    platform = Platform(**options)  # type: ignore[arg-type]
    platform.keep(CONTENT)
    return platform


async def download(platform: Platform, into: Path, *, replace: bool = False) -> Downloaded:
    async with ParleyClient(platform.url, access_token="T") as client:
        client.files.piece_bytes = PIECE
        return await client.files.download(FILE_ID, into, replace=replace)


async def test_a_file_comes_in_ranges_and_stands_under_its_own_name(tmp_path: Path) -> None:
    async with serving(kept()) as platform:
        got = await download(platform, tmp_path)
    assert Path(got.path) == tmp_path / "photo.bin"
    assert [one.name for one in tmp_path.iterdir()] == ["photo.bin"]
    assert ((tmp_path / "photo.bin").read_bytes(), got.bytes_received) == (CONTENT, len(CONTENT))
    assert sorted(headers["range"] for _, headers in platform.stored)[0] == "bytes=0-49999"
    assert len(platform.stored) == 5


async def test_what_breaks_off_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    async with serving(kept(faults={"GET 0": [CUT]})) as platform:
        await download(platform, tmp_path / "it")
    assert "bytes=25000-49999" in [headers["range"] for _, headers in platform.stored]
    assert (tmp_path / "it").read_bytes() == CONTENT


@pytest.mark.parametrize("fault", [EXPIRED, BUSY])
async def test_a_url_that_is_refused_is_asked_for_anew(tmp_path: Path, fault: str) -> None:
    async with serving(kept(faults={f"GET {n * PIECE}": [fault] for n in range(3)})) as platform:
        await download(platform, tmp_path / "it")
    assert (tmp_path / "it").read_bytes() == CONTENT
    assert sum(line == f"GET /v1/files/{FILE_ID}" for line in platform.calls) > 1


async def test_a_url_that_is_too_old_is_not_even_tried(tmp_path: Path) -> None:
    async with serving(kept(expires_at=LONG_AGO)) as platform:
        await download(platform, tmp_path / "it")
    assert len(platform.calls) > 1


async def interrupted(platform: Platform, into: Path) -> int:
    """How many pieces had come when it ended: the last is begun once another is there, and refused for good."""
    platform.faults = {f"GET {4 * PIECE}": [EXPIRED, EXPIRED]}
    async with serving(platform):
        with pytest.raises(StorageError):
            await download(platform, into)
    platform.faults = {}
    platform.stored.clear()
    flags = into.with_name(f"{into.name}.part").read_bytes()[len(CONTENT) : len(CONTENT) + 5]
    return sum(flags)


async def test_an_interrupted_download_fetches_only_what_is_missing(tmp_path: Path) -> None:
    platform = kept()
    there = await interrupted(platform, tmp_path / "it")
    async with serving(platform):
        got = await download(platform, tmp_path / "it")
    assert there >= 1
    assert len(platform.stored) == 5 - there
    assert got.bytes_received < len(CONTENT)
    assert (tmp_path / "it").read_bytes() == CONTENT


async def test_who_gives_up_waits_for_what_is_being_written() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def write() -> None:
        begun.set()
        may_end.wait(20)
        ended.set()

    writing = asyncio.create_task(in_thread(write))
    await asyncio.to_thread(begun.wait, 20)
    writing.cancel()
    asyncio.get_running_loop().call_soon(may_end.set)
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert ended.is_set()


async def test_a_part_of_another_file_is_begun_anew(tmp_path: Path) -> None:
    platform = kept()
    await interrupted(platform, tmp_path / "it")
    other = bytes(len(CONTENT))
    platform.keep(other)
    async with serving(platform):
        await download(platform, tmp_path / "it")
    assert len(platform.stored) == 5
    assert (tmp_path / "it").read_bytes() == other


async def test_bytes_that_came_as_others_never_get_the_name(tmp_path: Path) -> None:
    async with serving(kept()) as platform:
        platform.parts = {1: bytes(len(CONTENT))}
        with pytest.raises(ParleyError, match="another checksum"):
            await download(platform, tmp_path / "it")
    assert list(tmp_path.iterdir()) == []


async def test_no_file_is_replaced_unless_that_is_meant(tmp_path: Path) -> None:
    (tmp_path / "it").write_text("mine")
    async with serving(kept()) as platform:
        with pytest.raises(AlreadyThereError):
            await download(platform, tmp_path / "it")
        assert ((tmp_path / "it").read_text(), platform.stored) == ("mine", [])
        await download(platform, tmp_path / "it", replace=True)
    assert (tmp_path / "it").read_bytes() == CONTENT


async def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    """For an administrator `--force -o /dev/null` would take it from the whole machine."""
    os.mkfifo(tmp_path / "it")
    async with serving(kept()) as platform:
        with pytest.raises(LocalFileError, match="is no regular file"):
            await download(platform, tmp_path / "it", replace=True)
    assert (tmp_path / "it").is_fifo()
    assert platform.stored == []


async def test_a_link_is_replaced_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "it").symlink_to(tmp_path / "elsewhere")
    async with serving(kept()) as platform:
        await download(platform, tmp_path / "it", replace=True)
    assert ((tmp_path / "elsewhere").read_text(), (tmp_path / "it").is_symlink()) == ("mine", False)


async def test_a_file_that_appears_meanwhile_is_not_replaced_either(tmp_path: Path) -> None:
    class Late(Platform):
        def _get(self, wanted: str, fault: str) -> bytes:
            (tmp_path / "it").write_text("mine")
            return super()._get(wanted, fault)

    platform = Late()
    platform.keep(CONTENT)
    async with serving(platform):
        with pytest.raises(AlreadyThereError):
            await download(platform, tmp_path / "it")
    assert (tmp_path / "it").read_text() == "mine"


async def test_a_part_that_is_somebodys_own_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "it.part").write_text("the first part of my novel")
    async with serving(kept()) as platform:
        with pytest.raises(LocalFileError, match="no unfinished download"):
            await download(platform, tmp_path / "it")
    assert (tmp_path / "it.part").read_text() == "the first part of my novel"


async def test_a_part_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "it.part").symlink_to(tmp_path / "elsewhere")
    async with serving(kept()) as platform:
        with pytest.raises(LocalFileError):
            await download(platform, tmp_path / "it")
    assert (tmp_path / "elsewhere").stat().st_size == 0


@pytest.mark.parametrize(
    ("into", "words"),
    [("nowhere/it", "No such file or directory"), ("a file/it", "Not a directory"), ("x" * 300, "File name too long")],
)
async def test_what_cannot_be_made_is_told_in_words(tmp_path: Path, into: str, words: str) -> None:
    (tmp_path / "a file").touch()
    async with serving(kept()) as platform:
        with pytest.raises(LocalFileError, match=words):
            await download(platform, tmp_path / into)
    assert platform.stored == []


@pytest.fixture
def little_room() -> Iterator[None]:
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * PIECE, most))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


@pytest.mark.usefixtures("little_room")
async def test_too_little_room_is_noticed_before_a_byte_has_come(tmp_path: Path) -> None:
    async with serving(kept()) as platform:
        with pytest.raises(LocalFileError, match="File too large"):
            await download(platform, tmp_path / "it")
    assert (platform.stored, list(tmp_path.iterdir())) == ([], [])


async def test_a_size_that_no_file_has_is_not_believed(tmp_path: Path) -> None:
    async with serving(kept()) as platform:
        assert platform.file is not None
        platform.file["size"] = 2**50
        with pytest.raises(ParleyError, match="which no file has"):
            await download(platform, tmp_path / "it")


@pytest.mark.parametrize("size", [0, -5])
async def test_a_file_without_bytes_is_not_believed_either(tmp_path: Path, size: int) -> None:
    async with serving(kept()) as platform:
        assert platform.file is not None
        platform.file["size"] = size
        with pytest.raises(ParleyError, match=f"{size} bytes"):
            await download(platform, tmp_path / "it")
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_not_completed_cannot_be_had(tmp_path: Path) -> None:
    platform = Platform(slow_verification=9)
    platform.keep(CONTENT, "verifying")
    async with serving(platform):
        with pytest.raises(ParleyError, match="it is verifying"):
            await download(platform, tmp_path / "it")


async def test_a_wrong_id_is_told_as_the_platform_tells_it(tmp_path: Path) -> None:
    async with serving(Platform()) as platform:
        with pytest.raises(ProblemError) as caught:
            await download(platform, tmp_path / "it")
    assert (caught.value.code, list(tmp_path.iterdir())) == ("not_found", [])


async def test_two_downloads_do_not_write_to_the_same_part(tmp_path: Path) -> None:
    class Stuck(Platform):
        begun = asyncio.Event()
        go_on = asyncio.Event()

        async def answer_store(self, line: str, headers: dict[str, str], reader: asyncio.StreamReader) -> bytes:
            self.begun.set()
            await self.go_on.wait()
            return await super().answer_store(line, headers, reader)

    platform = Stuck()
    platform.keep(CONTENT)
    async with serving(platform):
        first = asyncio.create_task(download(platform, tmp_path / "it"))
        await platform.begun.wait()
        with pytest.raises(LocalFileError, match="Another process"):
            await download(platform, tmp_path / "it")
        platform.go_on.set()
        await first
    assert (tmp_path / "it").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "body",
    [
        lambda content: b"HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\nabc",
        lambda content: b"HTTP/1.1 206 x\r\nContent-Range: bytes 1-3/9\r\nContent-Length: 3\r\n\r\nabc",
        lambda content: b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["whole", "other range", "elsewhere"],
)
async def test_a_store_that_sends_something_else_is_not_believed(
    tmp_path: Path, body: Callable[[bytes], bytes]
) -> None:
    class Odd(Platform):
        def _get(self, wanted: str, fault: str) -> bytes:
            return body(CONTENT)

    platform = Odd()
    platform.keep(CONTENT)
    async with serving(platform):
        with pytest.raises(StorageError):
            await download(platform, tmp_path / "it")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\system32\\evil.exe", "evil.exe"),
        (".bashrc", "bashrc"),
        ("..", "file-1"),
        ("", "file-1"),
        ("a\x1b[2J\nb\u202egpj.exe", "a[2Jbgpj.exe"),
        ("Grüße 你好.txt", "Grüße 你好.txt"),
    ],
)
def test_no_name_of_the_platform_leads_anywhere(said: str, name: str) -> None:
    assert safe_name(said, "file-1") == name


@given(st.text())
def test_every_name_is_one_that_can_be_made_in_a_folder(said: str) -> None:
    name = safe_name(said, "file-1")
    assert name.isprintable()
    assert "/" not in name
    assert not name.startswith(".")
    assert 0 < len(name.encode()) <= MOST_BYTES


@given(st.integers(1, 10**4), st.integers(1, 10**3))
def test_pieces_are_all_of_a_file_and_nothing_twice(size: int, piece_size: int) -> None:
    pieces = pieces_of(size, piece_size)
    ends = [piece.offset + piece.size for piece in pieces]
    assert [0, *ends] == [*(piece.offset for piece in pieces), size]
    assert [piece.number for piece in pieces] == list(range(1, len(pieces) + 1))
