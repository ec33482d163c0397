"""Settings of accounts on platforms: as many as there are, each by a name of its own."""

from pathlib import Path

import pytest

from connectors.catalogue import read_accounts
from libs.common.settings import CommonSettings

FILE = """\
PARLEY_CHANNELS__TELEGRAM__MAIN__TOKEN="700000001:abc"
PARLEY_CHANNELS__TELEGRAM__MAIN__WEBHOOK_SECRET="secret"
PARLEY_CHANNELS__TELEGRAM__EAST-1__TOKEN="700000002:abc"
PARLEY_CHANNELS__TELEGRAM__EAST-1__WEBHOOK_SECRET="secret"
"""


def test_accounts_are_read_from_the_file_and_the_environment_goes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parley.env").write_text(FILE)
    monkeypatch.setenv("PARLEY_SETTINGS", str(tmp_path / "parley.env"))
    monkeypatch.setenv("PARLEY_CHANNELS__TELEGRAM__MAIN__TOKEN", "700000003:abc")
    accounts = read_accounts(CommonSettings.load().channels)
    assert [(a.account, a.settings.bot_id) for a in accounts.on] == [("main", "700000003"), ("east-1", "700000002")]


def test_without_any_no_channel_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_SETTINGS", raising=False)
    assert read_accounts(CommonSettings.load().channels) == ([], [])
