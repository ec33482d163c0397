"""Which accounts there are is said by configuration; what is missing is said at start."""

import httpx
import msgspec
import pytest

from connectors.catalogue import BUILT, Misconfigured, read_accounts
from connectors.exam import read_cases
from connectors.telegram import Settings

TOKEN, SECRET = "700000001:a_token", "a-secret"
BOTH = {"token": TOKEN, "webhook_secret": SECRET}


def test_several_bots_each_with_settings_of_its_own() -> None:
    sales = {"token": "700000002:another", "webhook_secret": "s", "base_url": "http://127.0.0.1:9", "timeout_s": "3"}
    accounts = read_accounts({"telegram": {"support": BOTH, "sales": sales}})
    assert accounts.off == []
    assert [(a.channel, a.account, a.settings.bot_id) for a in accounts.on] == [
        ("telegram", "support", "700000001"),
        ("telegram", "sales", "700000002"),
    ]
    assert accounts.on[1].settings == Settings(
        token="700000002:another", webhook_secret="s", base_url="http://127.0.0.1:9", timeout_s=3.0
    )


@pytest.mark.parametrize("given", [{}, {"token": ""}, {"webhook_secret": SECRET}])
def test_without_a_token_a_bot_is_off_and_says_so(given: dict[str, str]) -> None:
    accounts = read_accounts({"telegram": {"support": given}})
    assert accounts.on == []
    assert [str(off) for off in accounts.off] == ["telegram/support is off: token is not set"]


@pytest.mark.parametrize("given", [{"token": TOKEN}, {"token": TOKEN, "webhook_secret": ""}])
def test_without_a_secret_nothing_is_started_and_the_error_says_what_is_missing(given: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="telegram/support: webhook_secret is missing"):
        read_accounts({"telegram": {"support": given}})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (BOTH | {"webhook_secret": "no spaces, no commas"}, "webhook_secret"),
        (BOTH | {"webhook_secret": "s" * 257}, "webhook_secret"),
        (BOTH | {"token": "not-one"}, "token"),
        (BOTH | {"timeout_s": "0"}, "timeout_s"),
        (BOTH | {"max_connections": "101"}, "max_connections"),
        (BOTH | {"tokne": "x"}, "tokne"),
    ],
)
def test_a_setting_that_cannot_be_is_named_and_not_shown(given: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words) as caught:
        read_accounts({"telegram": {"support": given}})
    assert str(caught.value).startswith("telegram/support: ")
    assert not [value for value in given.values() if len(value) > 3 and value in str(caught.value)]


def test_a_channel_that_is_not_built_is_an_error() -> None:
    with pytest.raises(Misconfigured, match="fax: there is no such channel; there are telegram"):
        read_accounts({"fax": {"support": BOTH}})


@pytest.mark.parametrize("name", ["", "Support", "a/b", "a.b", "-a", "a" * 33])
def test_an_account_has_a_name_that_topics_and_urls_can_bear(name: str) -> None:
    with pytest.raises(Misconfigured, match="an account's name is"):
        read_accounts({"telegram": {name: BOTH}})


def test_an_account_with_a_server_of_its_own_takes_larger_files() -> None:
    given = {"support": BOTH, "local": BOTH | {"max_file_bytes": "2000000000"}}
    support, local = read_accounts({"telegram": given}).on
    assert not support.capabilities.files.takes("video/mp4", 60_000_000)
    assert local.capabilities.files.takes("video/mp4", 60_000_000)


async def test_a_channel_calls_itself_by_the_name_of_its_folder() -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        for name, built in BUILT.items():
            settings = msgspec.convert(read_cases(name).examinee.settings, built.settings)
            assert built.connector(http, settings).name == name
            assert getattr(built.connector, "__module__", None) == f"connectors.{name}"
