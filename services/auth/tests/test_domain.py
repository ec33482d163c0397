"""The rules of names and passwords."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.domain import accounts, sessions

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANA = accounts.User("ana", "Ana", "$2b$…", NOON, ("user", "operator"))


@pytest.mark.parametrize("value", ["ana", "a.b-c_9", "a" * 64])
def test_a_username_is_short_and_plain(value: str) -> None:
    assert accounts.username_fault(value) is None


@pytest.mark.parametrize(
    "value",
    ["", "an", "a" * 65, "Ana", "9ana", ".ana", "ana\n", "telegram:42", "änne", "ana ", "\u0430na", "ana\0", "a/../b"],
)
def test_anything_else_is_no_username(value: str) -> None:
    assert accounts.username_fault(value)


@pytest.mark.parametrize("value", ["ten chars!", "a" * 72, "ä" * 36, "🐎🐎🐎🐎🐎🐎🐎🐎🐎🐎"])
def test_a_password_has_at_least_10_characters_and_at_most_72_bytes(value: str) -> None:
    assert accounts.password_fault(value) is None


def test_the_limit_in_bytes_is_said() -> None:
    assert "72 bytes" in (accounts.password_fault("ä" * 37) or "")


@pytest.mark.parametrize("value", ["", "nine char", "a" * 73, "with a NUL\0", "half a pair \ud800"])
def test_any_other_password_is_refused(value: str) -> None:
    assert accounts.password_fault(value)


@pytest.mark.parametrize("value", ["A", "Ana Müller", "安娜", "👩‍👩‍👧", "x" * 64, "مريم"])
def test_a_display_name_may_be_written_in_any_script(value: str) -> None:
    assert accounts.display_name_fault(value) is None


@pytest.mark.parametrize(
    "value", ["", " ", "x" * 65, "a\nb", "a\0", "\x7f", "\u2028", "\ud800", "a\x1b[31m", "a\u202eb"]
)
def test_a_display_name_that_would_break_a_line_or_a_store_is_refused(value: str) -> None:
    assert accounts.display_name_fault(value)


@given(st.text(st.characters()))
def test_what_passes_can_be_stored(value: str) -> None:
    for fault_of in (
        accounts.username_fault,
        accounts.password_fault,
        accounts.display_name_fault,
        accounts.text_fault,
    ):
        if fault_of(value) is None:
            assert "\0" not in value.encode().decode()


def test_an_access_token_lives_an_hour_and_names_user_session_and_roles() -> None:
    assert sessions.claims(ANA, "s1", "t1", NOON) == {
        "sub": "ana",
        "sid": "s1",
        "roles": ["user", "operator"],
        "iat": NOON.timestamp(),
        "exp": NOON.timestamp() + 3600,
        "jti": "t1",
    }
