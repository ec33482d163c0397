"""Uploads against a platform that stumbles: what is sent, what is sent again, and where tokens never go."""

import os
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from clients.parley import LocalFileError, ParleyError, ProblemError, StorageError, StorageUnreachableError
from clients.parley.files import Progress
from clients.parley.tests.scripted_files import (
    BUSY,
    CUT,
    EXPIRED,
    LONG_AGO,
    PART,
    SIZE,
    Platform,
    client_of,
    random_file,
    serving,
    upload,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return random_file(tmp_path)


async def test_a_large_file_goes_in_parts_and_is_completed(file: Path) -> None:
    async with serving(Platform()) as platform:
        made = await upload(platform, file)
    assert (made.parts, made.parts_sent, made.parts_kept, made.bytes_sent) == (5, 5, 0, SIZE)
    assert (made.file.status, made.resumed) == ("completed", False)
    assert platform.whole == file.read_bytes()


@pytest.mark.parametrize("part_size", [-1, 1])
async def test_parts_that_no_upload_has_are_not_believed(file: Path, part_size: int) -> None:
    async with serving(Platform(part_size=part_size)) as platform:
        with pytest.raises(ParleyError, match=f"pieces of {part_size}"):
            await upload(platform, file)
    assert platform.stored == []


async def test_a_small_file_goes_in_one_request_with_the_headers_that_were_signed(file: Path) -> None:
    async with serving(Platform(part_size=None)) as platform:
        made = await upload(platform, file)
    ((line, headers),) = platform.stored
    assert (line, headers["content-type"], headers["content-length"]) == (
        "PUT /staging/1?signature=1",
        "x/y",
        f"{SIZE}",
    )
    assert "transfer-encoding" not in headers
    assert (made.parts, platform.whole) == (1, file.read_bytes())


async def test_a_type_that_is_only_guessed_and_not_taken_becomes_plain_bytes(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>")
    async with serving(Platform(refused_types=("text/html",))) as platform, client_of(platform) as client:
        await client.files.upload(tmp_path / "page.html")
        with pytest.raises(ProblemError, match="content_type_not_allowed"):
            await client.files.upload(tmp_path / "page.html", content_type="text/html")


async def test_a_name_that_is_no_text_goes_as_one(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.bin")
    path.write_bytes(b"x")
    async with serving(Platform()) as platform:
        assert (await upload(platform, path, tmp_path / "upload.json")).file.filename == "caf\ufffd.bin"


@pytest.mark.parametrize("part_size", [PART, None])
async def test_the_token_never_goes_to_the_store(file: Path, tmp_path: Path, part_size: int | None) -> None:
    async with serving(Platform(part_size=part_size)) as platform, client_of(platform) as client:
        made = await client.files.upload(file)
        await client.files.download(made.file.file_id, tmp_path / "down.bin")
    assert len(platform.stored) >= 2
    assert all("authorization" not in headers and "cookie" not in headers for _, headers in platform.stored)
    assert "SECRET" not in repr(platform.stored)


@pytest.mark.parametrize("fault", [CUT, EXPIRED, BUSY])
async def test_a_part_that_fails_goes_again_by_a_fresh_url(file: Path, fault: str) -> None:
    async with serving(Platform(faults={"PUT 2": [fault], "PUT 5": [fault]})) as platform:
        made = await upload(platform, file)
    assert platform.puts() == [1, 2, 2, 3, 4, 5, 5]
    assert len({line for line, _ in platform.stored}) == len(platform.stored)
    assert (made.parts_sent, platform.whole) == (5, file.read_bytes())


async def test_a_single_upload_that_expired_is_signed_again(file: Path) -> None:
    async with serving(Platform(part_size=None, faults={"PUT 1": [EXPIRED]})) as platform:
        await upload(platform, file)
    assert [line for line, _ in platform.stored] == ["PUT /staging/1?signature=1", "PUT /staging/1?signature=2"]


async def test_urls_that_are_too_old_are_not_even_tried(file: Path) -> None:
    async with serving(Platform(expires_at=LONG_AGO)) as platform:
        await upload(platform, file)
    assert platform.puts() == [1, 2, 3, 4, 5]
    assert not any(
        line.endswith("signature=1") for line, _ in platform.stored if "/file/1" in line or "/file/2" in line
    )


async def test_what_is_refused_twice_is_refused(file: Path) -> None:
    async with serving(Platform(faults={"PUT 1": [EXPIRED] * 2})) as platform:
        with pytest.raises(StorageError, match="refused: 403 AccessDenied"):
            await upload(platform, file)


async def test_progress_takes_back_what_a_broken_try_had_counted(file: Path) -> None:
    told: list[Progress] = []
    async with serving(Platform(faults={"PUT 3": [BUSY]})) as platform, client_of(platform) as client:
        await client.files.upload(file, tell=told.append)
    sending = [one.done for one in told if one.phase == "uploading"]
    assert (sending[0], sending[-1], max(sending)) == (0, SIZE, SIZE)
    assert any(later < earlier for earlier, later in pairwise(sending))
    assert told[-1].phase == "verifying"


async def test_verifying_that_takes_long_is_waited_for(file: Path) -> None:
    async with serving(Platform(slow_verification=2)) as platform:
        made = await upload(platform, file)
    assert made.file.status == "completed"
    assert sum(line.startswith("GET /v1/files/") for line in platform.calls) == 3


async def test_bytes_that_arrived_as_others_are_told_and_not_resumed(file: Path, tmp_path: Path) -> None:
    bookmark = tmp_path / "upload.json"
    platform = Platform()

    def spoil(number: int) -> None:
        platform.parts[number] = bytes(len(platform.parts[number]))

    platform.on_put = spoil
    async with serving(platform):
        with pytest.raises(ProblemError) as caught:
            await upload(platform, file, bookmark)
    assert caught.value.code == "checksum_mismatch"
    assert not bookmark.exists()


async def test_a_completion_that_met_503_is_repeated(file: Path) -> None:
    async with serving(Platform(faults={"POST complete": [BUSY, CUT]})) as platform:
        assert (await upload(platform, file)).file.status == "completed"


def grow(file: Path) -> None:
    with file.open("ab") as more:
        more.write(b"more")


def shrink(file: Path) -> None:
    os.truncate(file, 10)


@pytest.mark.parametrize("change", [grow, shrink])
async def test_a_file_that_changes_meanwhile_is_not_completed(
    file: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    platform = Platform(faults={"PUT 5": [BUSY]})
    platform.on_put = lambda number: change(file) if number == 1 else None
    async with serving(platform):
        with pytest.raises(LocalFileError, match=r"changed while|became shorter"):
            await upload(platform, file, tmp_path / "upload.json")
    assert not any("complete" in line for line in platform.calls)


async def test_a_limit_leaves_room_for_others(file: Path) -> None:
    began = time.monotonic()
    async with serving(Platform()) as platform, client_of(platform) as client:
        await client.files.upload(file, bytes_per_s=2 * SIZE)
        assert time.monotonic() - began >= 0.5
        with pytest.raises(ValueError, match="a limit below"):
            await client.files.upload(file, bytes_per_s=1000)


async def test_a_store_that_is_gone_is_told_as_such_after_some_patience(file: Path, tmp_path: Path) -> None:
    bookmark = tmp_path / "upload.json"
    gone = Platform(faults={f"PUT {n}": [CUT] * 9 for n in range(1, 6)})
    async with serving(gone) as platform, client_of(platform) as client:
        client.files.patience_s = 0.0
        with pytest.raises(StorageUnreachableError, match=f"The file store at {platform.store} does not answer"):
            await client.files.upload(file, bookmark=bookmark)
    assert bookmark.exists()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.mkdir(), "is a directory"),
        (lambda path: path.touch(), "is empty"),
        (lambda path: os.mkfifo(path), "is no regular file"),
        (lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 2 * 1024**3 + 1), "is larger than 2 GiB"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    ],
    ids=["missing", "folder", "empty", "pipe", "large", "loop"],
)
async def test_what_cannot_be_uploaded_is_told_before_anything_is_asked_for(
    tmp_path: Path, make: Callable[[Path], object], words: str
) -> None:
    make(tmp_path / "it")
    async with serving(Platform()) as platform:
        with pytest.raises(LocalFileError, match=words):
            await upload(platform, tmp_path / "it", tmp_path / "upload.json")
    assert (platform.calls, (tmp_path / "upload.json").exists()) == ([], False)
