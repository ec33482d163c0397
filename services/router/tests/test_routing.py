"""Which deliveries a message needs, and what becomes of them at first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.capabilities import CHANNELS, INTERNAL
from services.router.routing import Target, choose_targets, first_failure, first_status, resolve_channels

ADDRESSES = {"bo": {"whatsapp": "16505551234", "telegram": "42"}, "cy": {"telegram": "43", "fax": "1"}}
ASKED = st.lists(st.sampled_from([INTERNAL, "all", *CHANNELS]), min_size=1, unique=True)


@pytest.mark.parametrize(
    ("asked", "channels", "targets"),
    [
        (["internal"], ["internal"], []),
        (["whatsapp", "internal"], ["whatsapp", "internal"], [("bo", "whatsapp"), ("cy", "whatsapp")]),
        (["all"], ["internal", "telegram", "whatsapp"], [("bo", "telegram"), ("bo", "whatsapp"), ("cy", "telegram")]),
        (
            ["messenger", "all"],
            ["messenger", "internal", "telegram", "whatsapp"],
            [
                ("bo", "telegram"),
                ("bo", "whatsapp"),
                ("bo", "messenger"),
                ("cy", "telegram"),
                ("cy", "messenger"),
            ],
        ),
    ],
)
def test_what_is_asked_for_by_name_is_tried_and_all_is_what_a_recipient_has(
    asked: list[str], channels: list[str], targets: list[tuple[str, str]]
) -> None:
    chosen = choose_targets(["bo", "cy"], asked, ADDRESSES)
    assert [(t.recipient, t.channel) for t in chosen] == targets
    assert resolve_channels(asked, chosen) == channels


def test_all_of_somebody_without_addresses_is_internal() -> None:
    assert choose_targets(["di"], ["all"], ADDRESSES) == []
    assert resolve_channels(["all"], []) == [INTERNAL]


def test_a_named_channel_without_an_address_is_a_target_that_can_be_seen_to_fail() -> None:
    assert choose_targets(["cy"], ["whatsapp"], ADDRESSES) == [Target("cy", "whatsapp", None)]


@given(ASKED, st.lists(st.sampled_from(["bo", "cy", "di"]), min_size=1, unique=True))
def test_every_target_is_a_shown_channel_of_a_recipient_once(asked: list[str], recipients: list[str]) -> None:
    targets = choose_targets(recipients, asked, ADDRESSES)
    channels = resolve_channels(asked, targets)
    pairs = [(t.recipient, t.channel) for t in targets]
    assert len(set(pairs)) == len(pairs)
    assert {c for _, c in pairs} == set(channels) - {INTERNAL}
    assert (INTERNAL in channels) == ("all" in asked or INTERNAL in asked)
    named = set(asked) - {INTERNAL, "all"}
    assert {(r, c) for r in recipients for c in named} <= set(pairs)


@pytest.mark.parametrize(
    ("configured", "address", "code", "status"),
    [
        ((), "1", "channel_not_configured", "FAILED"),
        ((), None, "channel_not_configured", "FAILED"),
        (("whatsapp",), None, "no_address", "FAILED"),
        (("whatsapp",), "1", None, "QUEUED"),
    ],
)
def test_a_delivery_that_can_never_be_tried_fails_at_once(
    configured: tuple[str, ...], address: str | None, code: str | None, status: str
) -> None:
    failure = first_failure(Target("bo", "whatsapp", address), configured)
    assert (failure.code if failure else None, first_status(failure)) == (code, status)
