"""The registry of channels, against examples of the platforms."""

import pytest

from connectors.capabilities import CHANNELS


def test_every_channel_of_the_contract_is_there() -> None:
    assert set(CHANNELS) == {"telegram", "whatsapp", "messenger", "instagram"}


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
