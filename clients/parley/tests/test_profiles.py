"""Where sessions are kept: for their owner alone, whole, and renewed by one process at a time."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from clients.parley import Grant
from clients.parley.cli.profiles import NoSessionError, Profile, bookmark, choose, chosen, named

URL = "http://127.0.0.1:8080"


def profile(folder: Path, username: str = "ana", url: str = URL) -> Profile:
    return named(username, url, {"XDG_STATE_HOME": str(folder)})


def test_a_session_is_found_again_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    kept = profile(tmp_path)
    kept.save(Grant("access", "refresh"))
    assert profile(tmp_path).load() == Grant("access", "refresh")
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.path.parent.stat().st_mode) == 0o700


def test_the_same_name_at_another_gateway_is_another_user(tmp_path: Path) -> None:
    profile(tmp_path).save(Grant("access"))
    assert profile(tmp_path, url="https://elsewhere").load() is None


def test_commands_speak_for_whom_they_are_told_else_for_the_last_who_came(tmp_path: Path) -> None:
    home = {"XDG_STATE_HOME": str(tmp_path)}
    for name in ("ana", "ben"):
        profile(tmp_path, name).save(Grant("access"))
        choose(profile(tmp_path, name))
    assert chosen(None, URL, home).username == "ben"
    assert chosen("ana", URL, home).username == "ana"
    assert chosen(None, URL, {**home, "PARLEY_PROFILE": "ana"}).username == "ana"


def test_nobody_logged_in_is_said_with_what_to_do(tmp_path: Path) -> None:
    home = {"XDG_STATE_HOME": str(tmp_path)}
    with pytest.raises(NoSessionError, match="`parley login USER`"):
        chosen(None, URL, home)
    with pytest.raises(NoSessionError, match="`parley login ana`"):
        chosen("ana", URL, home)


def test_a_damaged_file_says_how_to_make_it_anew(tmp_path: Path) -> None:
    kept = profile(tmp_path)
    kept.save(Grant("access"))
    kept.path.write_text('{"username": "ana", "url"')
    with pytest.raises(NoSessionError, match="`parley login ana` makes it anew"):
        kept.load()


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    for name in ("../../etc/passwd", "a/b", ".hidden", "", "Ana"):
        with pytest.raises(NoSessionError):
            profile(tmp_path, name)


def test_bookmarks_are_found_again_until_the_platform_has_swept_what_they_name(tmp_path: Path) -> None:
    home = {"XDG_STATE_HOME": str(tmp_path)}
    cat, dog = (bookmark(tmp_path / name, "ana", URL, home) for name in ("cat.png", "dog.png"))
    assert len({cat, dog, bookmark(tmp_path / "cat.png", "ben", URL, home)}) == 3
    cat.parent.mkdir(parents=True)
    for made in (cat, dog):
        made.touch()
    os.utime(cat, (0, 0))
    assert bookmark(tmp_path / "cat.png", "ana", URL, home) == cat
    assert (cat.exists(), dog.exists()) == (False, True)


async def test_one_renews_while_the_other_waits(tmp_path: Path) -> None:
    order: list[str] = []

    async def renew(who: str) -> None:
        async with profile(tmp_path).locked():
            order.append(f"{who} begins")
            await asyncio.sleep(0)
            order.append(f"{who} ends")

    await asyncio.gather(renew("one"), renew("two"))
    assert order in (
        ["one begins", "one ends", "two begins", "two ends"],
        ["two begins", "two ends", "one begins", "one ends"],
    )
