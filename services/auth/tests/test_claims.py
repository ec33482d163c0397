"""When a code may be tried, and when another may be sent: pure decisions."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.domain.claims import (
    ATTEMPTS,
    CODE_LIVES,
    COUNTED_FOR,
    OF_ADDRESS,
    Claim,
    Standing,
    code_words,
    lately,
    standing,
    wait_s,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
AN_HOUR_OF_SECONDS = st.lists(st.integers(0, 7200), max_size=20)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "failures", "expected"),
    [
        (0, 0, Standing.OPEN),
        (599, ATTEMPTS - 1, Standing.OPEN),
        (599, ATTEMPTS, Standing.USED_UP),
        (600, 0, Standing.EXPIRED),
        (600, ATTEMPTS, Standing.EXPIRED),
    ],
)
def test_a_code_lives_ten_minutes_and_bears_five_attempts(seconds: int, failures: int, expected: Standing) -> None:
    claim = Claim("telegram", "42", NOON, "hash", NOON + CODE_LIVES, failures)
    assert standing(claim, after(seconds)) is expected


def test_the_fourth_code_waits_until_the_first_is_an_hour_old() -> None:
    sent = [NOON, after(60), after(120)]
    assert wait_s(sent[:2], OF_ADDRESS, after(180)) == 0
    assert wait_s(sent, OF_ADDRESS, after(180)) == 3600 - 180
    assert wait_s(sent, OF_ADDRESS, after(3600)) == 0


@given(AN_HOUR_OF_SECONDS)
def test_whoever_waits_as_told_never_sends_more_than_so_many_in_any_hour(pauses: list[int]) -> None:
    sent: list[datetime] = []
    at = NOON
    for pause in pauses:
        at += timedelta(seconds=pause)
        at += timedelta(seconds=wait_s(sent, OF_ADDRESS, at))
        assert wait_s(sent, OF_ADDRESS, at) == 0
        sent = [*lately(sent, at), at]
        assert len(lately(sent, at)) <= OF_ADDRESS
    assert all(b - a >= COUNTED_FOR for a, b in zip(sent, sent[OF_ADDRESS:], strict=False))


def test_what_is_sent_says_for_whom_the_code_is() -> None:
    words = code_words("012345", "ana")
    assert words.startswith("012345 ")
    assert "account ana" in words
    assert "10 minutes" in words
