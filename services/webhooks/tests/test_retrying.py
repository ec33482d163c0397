"""What follows an attempt: the published schedule, and what an endpoint asks for."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.outgoing.domain.retrying import (
    DEFAULT_S,
    LONGEST_S,
    Again,
    Answer,
    Delivered,
    GiveUp,
    NoAnswer,
    after_attempt,
    is_failing_for_good,
    retry_after_s,
)

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
REFUSED = NoAnswer("not_connected", "Nobody answers there.")


def test_the_default_is_the_published_schedule() -> None:
    assert sum(DEFAULT_S) == timedelta(hours=75, minutes=35, seconds=5).total_seconds()
    waits = [after_attempt(tries, REFUSED, DEFAULT_S, 0) for tries in range(1, 11)]
    assert waits == [*(Again(float(s)) for s in DEFAULT_S), GiveUp()]


def test_three_attempts_are_two_waits() -> None:
    assert [type(after_attempt(t, REFUSED, (5, 300), 0.5)) for t in (1, 2, 3)] == [Again, Again, GiveUp]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_is_2xx(status: int) -> None:
    assert after_attempt(1, Answer(status), DEFAULT_S, 0) == Delivered()


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 408, 429, 500, 502, 503, 504])
def test_anything_else_is_tried_again(status: int) -> None:
    assert after_attempt(1, Answer(status), DEFAULT_S, 0) == Again(5.0)


def test_410_ends_it() -> None:
    assert after_attempt(1, Answer(410), DEFAULT_S, 0) == GiveUp(is_gone=True)


@given(st.integers(1, len(DEFAULT_S)), st.floats(0, LONGEST_S), st.floats(0, 1))
def test_nobody_is_called_before_the_time_they_asked_for_or_the_schedule_says(
    tries: int, asked_s: float, dice: float
) -> None:
    following = after_attempt(tries, Answer(429, retry_after_s=asked_s), DEFAULT_S, dice)
    assert isinstance(following, Again)
    assert following.holds_all
    assert following.after_s >= max(asked_s, DEFAULT_S[tries - 1])
    assert following.after_s <= max(asked_s, DEFAULT_S[tries - 1] * 1.1)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (format_datetime(AT + timedelta(minutes=2), usegmt=True), 120.0),
        (format_datetime(AT - timedelta(minutes=2), usegmt=True), 0.0),
        ("99999999999999999999", LONGEST_S),
        ("soon", None),
        ("-1", None),
        ("", None),
        (None, None),
    ],
)
def test_both_forms_of_the_header_are_understood_and_bounded(said: str | None, seconds: float | None) -> None:
    assert retry_after_s(said, AT) == seconds


def test_five_days_of_failing_are_enough() -> None:
    patience = timedelta(days=5)
    assert not is_failing_for_good(AT, AT + patience - timedelta(seconds=1), patience)
    assert is_failing_for_good(AT, AT + patience, patience)
