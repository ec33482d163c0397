"""Files from the command line, on the real stack: up, sent, shown, down, and what is said when it cannot be."""

import hashlib
import os
import re
import signal
from pathlib import Path

import pytest

from tests.command import Home, pair

NO_SUCH_ID = "01a1fdcb-94d7-73ac-917b-fecd10195843"
IN_PARTS = 70_000_000  # above what goes in one request


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "cat \u732b.bin"
    made.write_bytes(os.urandom(300_000))
    return made


async def uploaded(home: Home, file: Path) -> str:
    (item,) = (await home.run("upload", str(file), "--json")).json["items"]
    return str(item["file"]["file_id"])


async def test_a_file_goes_up_is_listed_shown_and_deleted(home: Home, file: Path) -> None:
    await pair(home)
    file_id = await uploaded(home, file)
    (listed,) = (await home.run("files", "--json")).json["items"]
    shown = (await home.run("files", "show", file_id, "--json")).json
    assert (listed["file_id"], listed["status"], listed["size"]) == (file_id, "completed", 300_000)
    assert (shown["filename"], shown["sha256"]) == (file.name, hashlib.sha256(file.read_bytes()).hexdigest())
    assert (await home.run("files", "delete", file_id)).code == 0
    assert (await home.run("files", "--json")).json["items"] == []
    assert "[404 not_found]" in (await home.run("files", "show", file_id)).err


async def test_the_same_is_readable_for_people(home: Home, file: Path) -> None:
    await pair(home)
    made = await home.run("upload", str(file))
    assert re.search(rf"✓ {file.name}  300.0 kB in .*s \(.*/s\), verified in .*s", made.out)
    file_id = made.out.split()[-1]
    assert f"{file.name}  300.0 kB" in (await home.run("files")).out
    shown = (await home.run("files", "show", file_id)).out
    assert shown.startswith(f"{file.name}  300.0 kB  completed")
    assert shown.rstrip().endswith(f"parley download {file_id}")


async def test_a_file_is_sent_shown_and_downloaded_by_the_other(home: Home, file: Path, tmp_path: Path) -> None:
    ana, ben = await pair(home)
    sent = await home.run("send", ben, "--file", str(file), "--caption", "a cat")
    assert "✓ accepted  parley status " in sent.out
    (told,) = await home.history(ana, "--as", ben, count=1)
    file_id = told["payload"]["file_id"]
    shown = (await home.run("history", ana, "--as", ben)).out.splitlines()
    assert shown[0].endswith(f"{ana}  📎 {file.name} (300.0 kB)  parley download {file_id}")
    assert shown[1].strip() == "a cat"
    assert f"{ana}: 📎 {file.name} (300.0 kB)" in (await home.run("conversations", "--as", ben)).out
    got = await home.run("download", file_id, "-o", str(tmp_path / "down"), "--as", ben)
    assert got.out.startswith(f"✓ {tmp_path / 'down'}  300.0 kB in ")
    assert (tmp_path / "down").read_bytes() == file.read_bytes()


async def test_a_file_that_is_there_already_is_sent_by_its_id(home: Home, file: Path) -> None:
    ana, ben = await pair(home)
    file_id = await uploaded(home, file)
    async with home.running("tail", "--as", ben) as tail:
        assert (await home.run("send", ben, "look", "--file", file_id)).code == 0
        assert tail.stdout
        line = (await tail.stdout.readline()).decode()
        assert line.rstrip().endswith(f"{ana}  📎 {file.name} (300.0 kB)  parley download {file_id}")
        assert (await tail.stdout.readline()).decode().strip() == "look"


async def test_a_download_takes_the_name_it_had_and_replaces_nothing(home: Home, file: Path, tmp_path: Path) -> None:
    await pair(home)
    file_id = await uploaded(home, file)
    (tmp_path / "folder").mkdir()
    assert (await home.run("download", file_id, "-o", str(tmp_path / "folder"), "--json")).json[
        "bytes_received"
    ] == 300_000
    assert [one.name for one in (tmp_path / "folder").iterdir()] == [file.name]
    again = await home.run("download", file_id, "-o", str(tmp_path / "folder"))
    assert (again.code, "exists already. --force replaces it" in again.err) == (1, True)
    assert (await home.run("download", file_id, "-o", str(tmp_path / "folder"), "--force")).code == 0


async def test_one_file_that_cannot_go_keeps_no_other_from_it(home: Home, file: Path, tmp_path: Path) -> None:
    await pair(home)
    (tmp_path / "empty").touch()
    mixed = await home.run("upload", str(tmp_path / "empty"), str(file))
    assert (mixed.code, "✓ " in mixed.out) == (1, True)
    assert f"{tmp_path / 'empty'} is empty." in mixed.err


async def test_ctrl_c_leaves_what_the_same_command_goes_on_with(home: Home, tmp_path: Path) -> None:
    await pair(home)
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(IN_PARTS))
    async with home.terminal("upload", str(large), "--limit", "4MB") as terminal:
        await terminal.shows(r"[5-9]\d%")
        terminal.process.send_signal(signal.SIGINT)
        assert await terminal.ended() == 130
        await terminal.shows(r"Interrupted at \d+ %; to go on: parley upload ")
    (made,) = (await home.run("upload", str(large), "--json")).json["items"]
    assert (made["resumed"], made["parts"], made["file"]["status"]) == (True, 9, "completed")
    assert made["parts_sent"] + made["parts_kept"] == 9
    assert made["parts_kept"] >= 1


async def test_the_upload_that_is_killed_and_resumed_sends_only_what_is_missing(home: Home) -> None:
    story = (await home.run("demo", "files", "--size", "70MB", "--json", "--deadline", "60")).json
    assert story["missing"] == []
    assert story["interrupted"]["resumed"]
    assert story["interrupted"]["parts_kept"] >= 1
    assert story["interrupted"]["parts_sent"] == 9 - story["interrupted"]["parts_kept"]


FAILURES: list[tuple[list[str], int, str]] = [
    (["upload", "/nowhere/at all"], 1, "/nowhere/at all: No such file or directory."),
    (["upload", "/tmp"], 1, "/tmp is a directory."),  # noqa: S108  a folder that is everywhere
    (["upload", "/dev/null"], 1, "/dev/null is no regular file."),
    (["upload", "README.md", "--type", "rubbish"], 1, "[422 invalid_field]"),
    (["upload", "README.md", "--type", "text/html"], 1, "[422 content_type_not_allowed]"),
    (["send", "{ben}", "--file", "/nowhere"], 1, "/nowhere: No such file or directory."),
    (["send", "{ben}", "--file", NO_SUCH_ID], 1, "[404 not_found]"),
    (["send", "{ben}", "hi", "--caption", "look"], 1, "--caption goes with --file"),
    (["send", "{ben}"], 1, "There is nothing to send."),
    (["download", NO_SUCH_ID], 1, "[404 not_found]"),
    (["download", "../../etc/passwd"], 1, "[404 not_found]"),
    (["files", "show", "rubbish"], 1, "[404 not_found]"),
    (["files", "delete", NO_SUCH_ID], 1, "[404 not_found]"),
    (["files", "--cursor", "rubbish"], 1, "[4"),
    (["files", "--as", "nobody-here"], 3, "nobody-here is not logged in"),
    (["demo", "files", "--size", "large"], 2, "large is no size"),
    (["demo", "files", "--size", "1kB"], 2, "1kB is no size for it"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), FAILURES, ids=[" ".join(f[0]) for f in FAILURES])
async def test_what_goes_wrong_is_one_readable_line(
    two_people: tuple[Home, str, str], arguments: list[str], code: int, words: str
) -> None:
    home, ana, ben = two_people
    failed = await home.run(*(argument.format(ana=ana, ben=ben) for argument in arguments))
    assert (failed.code, failed.out, failed.err.count("\n")) == (code, "", 1)
    assert words in failed.err
    assert "Traceback" not in failed.err
