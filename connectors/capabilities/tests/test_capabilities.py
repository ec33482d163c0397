"""The registry of channels, against examples of the platforms."""

from typing import Any

import msgspec
import pytest

from connectors.capabilities import CHANNELS, EVERY_CHANNEL, INTERNAL, Channel


def test_every_channel_of_the_contract_is_there() -> None:
    assert set(CHANNELS) >= {"telegram", "whatsapp", "messenger", "instagram"}


@pytest.mark.parametrize(
    ("channel", "address", "canonical"),
    [
        ("telegram", "123456789", "123456789"),
        ("telegram", "-1001234567890", "-1001234567890"),
        ("whatsapp", "16505551234", "16505551234"),
        ("whatsapp", "+16505551234", "16505551234"),
        ("whatsapp", "US.13491208655302741918", "US.13491208655302741918"),
        ("messenger", "1234567890123456", "1234567890123456"),
        ("instagram", "17841400008460056", "17841400008460056"),
    ],
)
def test_an_address_is_written_in_one_way(channel: str, address: str, canonical: str) -> None:
    assert CHANNELS[channel].canonical(address) == canonical


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("telegram", ""),
        ("telegram", "@ana"),
        ("telegram", "12345678901234567"),
        ("telegram", "123\n"),
        ("telegram", "١٢٣"),
        ("whatsapp", "++16505551234"),
        ("whatsapp", "0650"),
        ("whatsapp", "us.123"),
        ("messenger", "12"),
        ("instagram", "ana/../bo"),
    ],
)
def test_what_has_not_the_form_is_no_address(channel: str, address: str) -> None:
    assert CHANNELS[channel].canonical(address) is None


def test_telegram_reports_no_more_than_that_it_was_sent() -> None:
    assert CHANNELS["telegram"].status_ceiling == "SENT"
    assert {CHANNELS[name].status_ceiling for name in ("whatsapp", "messenger", "instagram")} == {"READ"}


@pytest.mark.parametrize("name", EVERY_CHANNEL)
def test_the_ceiling_is_the_highest_of_the_reports(name: str) -> None:
    channel = EVERY_CHANNEL[name]
    assert channel.reports == tuple(s for s in ("SENT", "DELIVERED", "READ") if s in channel.reports)
    assert channel.reports[-1] == channel.status_ceiling


@pytest.mark.parametrize("name", EVERY_CHANNEL)
def test_what_is_unconfirmed_is_a_fact_of_the_channel(name: str) -> None:
    channel: Any = msgspec.to_builtins(EVERY_CHANNEL[name])
    for path in EVERY_CHANNEL[name].unconfirmed:
        found = channel
        for step in path.split("."):
            found = found[int(step)] if step.isdecimal() else found[step]


@pytest.mark.parametrize("name", CHANNELS)
def test_a_platform_is_known_from_what_it_publishes(name: str) -> None:
    assert EVERY_CHANNEL[name].sources
    assert all(source.startswith("https://") for source in EVERY_CHANNEL[name].sources)


def test_internal_is_described_and_is_no_platform() -> None:
    assert set(EVERY_CHANNEL) - set(CHANNELS) == {INTERNAL}
    assert EVERY_CHANNEL[INTERNAL].canonical("ana") == "ana"


def test_a_fact_that_the_registry_does_not_know_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="colour"):
        msgspec.convert(msgspec.to_builtins(CHANNELS["telegram"]) | {"colour": "blue"}, Channel)


def test_the_limits_that_messages_meet_first() -> None:
    found = {name: (c.text.max, c.text.counted_in, c.caption and c.caption.max) for name, c in CHANNELS.items()}
    assert (
        found.items()
        >= {
            "telegram": (4096, "characters", 1024),
            "whatsapp": (4096, "characters", 1024),
            "messenger": (2000, "characters", None),
            "instagram": (1000, "bytes", None),
        }.items()
    )


def test_a_server_of_ones_own_takes_larger_files_and_changes_nothing_else() -> None:
    telegram = CHANNELS["telegram"]
    assert telegram.taking_files_of(None) is telegram
    larger = telegram.taking_files_of(2_000_000_000)
    assert larger.files.takes("image/png", 2_000_000_000)
    assert not telegram.files.takes("image/png", 52_428_801)
    assert msgspec.structs.replace(larger, files=telegram.files) == telegram
