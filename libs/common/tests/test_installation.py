"""The secret of an installation: what needs it does not start without it, and what it tells others is not itself."""

import asyncio
import logging

import pytest
from pydantic import SecretStr, ValidationError

from libs.common.installation import InstallationSettings, derived, proven
from libs.common.mongo import Database, connect

SECRET = SecretStr("0123456789abcdef0123456789abcdef")
ANOTHER = SecretStr("another-secret-of-32-characters!")


def test_without_it_nothing_starts_and_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_SETTINGS", raising=False)
    monkeypatch.delenv("PARLEY_INSTALLATION_SECRET", raising=False)
    with pytest.raises(ValidationError, match="installation_secret"):
        InstallationSettings.load()


def test_one_that_is_too_short_is_refused_and_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_INSTALLATION_SECRET", "too-short")
    with pytest.raises(ValidationError) as caught:
        InstallationSettings.load()
    assert "too-short" not in str(caught.value)


def test_each_purpose_has_its_own_and_all_processes_the_same() -> None:
    ids, calls = derived(SECRET, "ids"), derived(SECRET, "calls")
    assert len(ids) == len(calls) == 32
    assert ids != calls
    assert ids == derived(SecretStr(SECRET.get_secret_value()), "ids")
    assert SECRET.get_secret_value() not in repr(SECRET)


async def test_whoever_comes_first_leaves_the_proof_and_all_with_the_same_secret_start(database: Database) -> None:
    await asyncio.gather(*(proven(database, SECRET, asyncio.Event()) for _ in range(10)))
    kept = await database["installation"].find_one({"_id": "secret"})
    assert kept
    assert SECRET.get_secret_value() not in str(kept)


async def test_another_secret_ends_the_process_and_the_log_says_what_to_do(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await proven(database, SECRET, asyncio.Event())
    with caplog.at_level(logging.CRITICAL), pytest.raises(SystemExit) as ended:
        await proven(database, ANOTHER, asyncio.Event())
    assert ended.value.code == 1
    assert "PARLEY_INSTALLATION_SECRET is not the one" in caplog.text
    assert ANOTHER.get_secret_value() not in caplog.text
    await proven(database, SECRET, asyncio.Event())


async def test_while_mongodb_is_away_it_is_waited_for_until_the_process_is_told_to_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop = asyncio.Event()
    async with connect("mongodb://127.0.0.1:1/?directConnection=true", "nobody", 0.2) as away:
        waiting = asyncio.create_task(proven(away, SECRET, stop))
        async with asyncio.timeout(60):
            while "is not known yet" not in caplog.text:
                await asyncio.sleep(0.02)
        stop.set()
        await waiting
