"""Uploads that were interrupted: another process goes on with what is there, and with nothing else."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from clients.parley import LocalFileError, StorageError
from clients.parley.tests.scripted_files import BUSY, EXPIRED, SIZE, Platform, random_file, serving, upload


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return random_file(tmp_path)


async def interrupted(platform: Platform, file: Path, bookmark: Path, after: int) -> None:
    """Ended when so many parts are there; what was on its way then never arrives."""
    enough = asyncio.Event()

    def count(number: int) -> None:
        if len(platform.parts) >= after:
            enough.set()

    platform.on_put = count
    platform.faults = {"PUT 5": [BUSY] * 100}
    async with serving(platform):
        task = asyncio.create_task(upload(platform, file, bookmark))
        await enough.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    platform.faults = {}
    platform.stored.clear()


async def test_an_interrupted_upload_sends_only_what_is_missing(file: Path, tmp_path: Path) -> None:
    bookmark = tmp_path / "state" / "upload.json"
    platform = Platform()
    await interrupted(platform, file, bookmark, after=2)
    assert stat.S_IMODE(bookmark.stat().st_mode) == 0o600
    there = set(platform.parts)
    async with serving(platform):
        made = await upload(platform, file, bookmark)
    assert platform.puts() == sorted({1, 2, 3, 4, 5} - there)
    assert (made.resumed, made.parts_kept, made.parts_sent) == (True, len(there), 5 - len(there))
    assert platform.whole == file.read_bytes()
    assert platform.calls.count("POST /v1/files/initiate") == 1
    assert not bookmark.exists()


async def test_a_part_of_another_size_goes_again(file: Path, tmp_path: Path) -> None:
    bookmark = tmp_path / "upload.json"
    platform = Platform()
    await interrupted(platform, file, bookmark, after=4)
    platform.parts[2] = platform.parts[2][:-1]
    async with serving(platform):
        await upload(platform, file, bookmark)
    assert platform.puts() == [2, 5]
    assert platform.whole == file.read_bytes()


async def test_an_interrupted_single_upload_is_signed_and_sent_again(file: Path, tmp_path: Path) -> None:
    bookmark = tmp_path / "upload.json"
    async with serving(Platform(part_size=None, faults={"POST complete": [BUSY] * 100})) as platform:
        platform.faults["PUT 1"] = [EXPIRED] * 2
        with pytest.raises(StorageError):
            await upload(platform, file, bookmark)
        platform.faults.clear()
        made = await upload(platform, file, bookmark)
    assert (made.resumed, made.parts_sent) == (True, 1)


async def test_an_upload_whose_completion_was_never_heard_of_only_asks(file: Path, tmp_path: Path) -> None:
    bookmark = tmp_path / "upload.json"
    platform = Platform()
    await interrupted(platform, file, bookmark, after=4)
    assert platform.file is not None
    platform.file["status"] = "verifying"
    async with serving(platform):
        made = await upload(platform, file, bookmark)
    assert (made.resumed, made.parts_sent, made.bytes_sent, platform.stored) == (True, 0, 0, [])
    assert not any("complete" in line for line in platform.calls)


async def test_a_file_that_is_another_one_by_now_begins_anew_and_the_old_upload_is_deleted(
    file: Path, tmp_path: Path
) -> None:
    bookmark = tmp_path / "upload.json"
    platform = Platform()
    await interrupted(platform, file, bookmark, after=2)
    file.write_bytes(os.urandom(SIZE))
    async with serving(platform):
        made = await upload(platform, file, bookmark)
    assert (made.resumed, platform.puts(), platform.whole) == (False, [1, 2, 3, 4, 5], file.read_bytes())
    assert sum(line.startswith("DELETE") for line in platform.calls) == 1


@pytest.mark.parametrize("status", ["failed", "quarantined"])
async def test_an_earlier_upload_of_which_nothing_came_begins_anew(file: Path, tmp_path: Path, status: str) -> None:
    bookmark = tmp_path / "upload.json"
    platform = Platform()
    await interrupted(platform, file, bookmark, after=2)
    assert platform.file is not None
    platform.file["status"] = status
    async with serving(platform):
        assert not (await upload(platform, file, bookmark)).resumed


async def test_a_damaged_bookmark_is_as_good_as_none(file: Path, tmp_path: Path) -> None:
    bookmark = tmp_path / "upload.json"
    bookmark.write_text('{"file_id": "01a')
    async with serving(Platform()) as platform:
        assert not (await upload(platform, file, bookmark)).resumed


async def test_two_processes_do_not_send_the_same(file: Path, tmp_path: Path) -> None:
    bookmark = tmp_path / "upload.json"
    async with serving(Platform(faults={"PUT 5": [BUSY] * 100})) as platform:
        begun = asyncio.Event()
        platform.on_put = lambda number: begun.set()
        first = asyncio.create_task(upload(platform, file, bookmark))
        await begun.wait()
        with pytest.raises(LocalFileError, match="Another process"):
            await upload(platform, file, bookmark)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
