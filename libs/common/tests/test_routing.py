"""Which deliveries a message needs, and what becomes of them at first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.capabilities import CHANNELS, INTERNAL
from connectors.capabilities import channel as capabilities
from libs.common.routing import (
    Contact,
    Target,
    Window,
    choose_account,
    choose_targets,
    first_failure,
    first_status,
    resolve_channels,
    window_of,
)

DAY = timedelta(hours=24)
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


@pytest.mark.parametrize("asked", [["telegram"], ["all"]])
def test_a_contact_is_reached_where_they_wrote_from(asked: list[str]) -> None:
    (target,) = choose_targets(["telegram:-1001"], asked, ADDRESSES)
    assert target == Target("telegram:-1001", "telegram", "-1001")


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


NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("known", "account"),
    [
        ({}, "main"),
        ({"second": Contact(reached_at=NOON)}, "second"),
        ({"main": Contact(reached_at=NOON), "second": Contact(reached_at=LATER)}, "second"),
        ({"main": Contact(wrote_at=NOON), "second": Contact(reached_at=LATER)}, "main"),
        ({"main": Contact(wrote_at=NOON), "second": Contact(wrote_at=LATER)}, "second"),
        ({"main": Contact(wrote_at=NOON), "second": Contact(wrote_at=NOON)}, "main"),
        ({"second": Contact(refusal="blocked")}, "main"),
    ],
)
def test_one_writes_by_the_account_they_wrote_to_last_or_were_reached_by_or_the_first(
    known: dict[str, Contact], account: str
) -> None:
    assert choose_account(["main", "second"], known) == account


def test_who_cannot_be_reached_is_refused_as_the_platform_would() -> None:
    failure = first_failure(Target("bo", "telegram", "42"), ("telegram",), NOON, Contact(refusal="blocked"))
    assert failure
    assert failure.code == "blocked"


@pytest.mark.parametrize(
    ("configured", "address", "code", "status"),
    [
        ((), "1", "channel_not_configured", "FAILED"),
        ((), None, "channel_not_configured", "FAILED"),
        (("whatsapp",), None, "no_address", "FAILED"),
        (("whatsapp",), "1", None, "QUEUED"),
        (("whatsapp",), "2", "window_closed", "FAILED"),
    ],
)
def test_a_delivery_that_can_never_be_tried_fails_at_once(
    configured: tuple[str, ...], address: str | None, code: str | None, status: str
) -> None:
    contact = Contact(wrote_at=NOON) if address == "1" else Contact()
    failure = first_failure(Target("bo", "whatsapp", address), configured, NOON, contact)
    assert (failure.code if failure else None, first_status(failure)) == (code, status)


@pytest.mark.parametrize(
    ("channel", "contact", "expected"),
    [
        ("telegram", Contact(wrote_at=NOON), None),
        ("whatsapp", Contact(), Window(is_open=False)),
        ("whatsapp", Contact(wrote_at=NOON), Window(is_open=True, expires_at=NOON + timedelta(hours=24))),
        ("whatsapp", Contact(wrote_at=NOON - DAY), Window(is_open=False, expires_at=NOON)),
        ("whatsapp", Contact(wrote_at=NOON, closed_for=NOON), Window(is_open=False)),
        ("whatsapp", Contact(wrote_at=NOON, closed_for=NOON - DAY), Window(is_open=True, expires_at=NOON + DAY)),
    ],
)
def test_a_window_is_open_for_a_day_after_their_last_message_unless_the_platform_says_otherwise(
    channel: str, contact: Contact, expected: Window | None
) -> None:
    assert window_of(CHANNELS[channel], contact, NOON) == expected


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 100)), max_size=20))
def test_a_window_that_was_said_to_be_closed_opens_by_newer_words_alone(happened: list[tuple[bool, int]]) -> None:
    """Each way of noting is monotone, so any order of the same words leaves the same."""
    wrote = [NOON + timedelta(minutes=m) for is_theirs, m in happened if is_theirs]
    closed = [NOON + timedelta(minutes=m) for is_theirs, m in happened if not is_theirs]
    contact = Contact(wrote_at=max(wrote, default=None), closed_for=max(closed, default=None))
    window = window_of(CHANNELS["whatsapp"], contact, NOON + timedelta(minutes=100))
    assert window
    assert window.is_open == any(w > max(closed, default=w - DAY) for w in wrote)


def test_where_an_account_may_answer_for_people_a_window_is_wider() -> None:
    assert CHANNELS["messenger"].at_its_widest.window == capabilities.Window(hours=168, people_h=168)
    assert CHANNELS["whatsapp"].at_its_widest is CHANNELS["whatsapp"]
