"""What a refresh token may do, decided without a server."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.domain.sessions import (
    GRACE,
    REFRESH_LIVES,
    RefreshToken,
    Session,
    Verdict,
    begin,
    digest,
    judge,
    read_refresh_token,
    rotate,
    successor,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIRST = RefreshToken("01a1fcd6-0000-7000-8000-000000000000", "f" * 22, "s" * 43)
SECOND = successor(FIRST, "salt")
THIRD = successor(SECOND, "pepper")
ONE_MS = timedelta(milliseconds=1)


@pytest.fixture
def session() -> Session:
    return begin("ana", FIRST, NOON)


@pytest.fixture
def rotated(session: Session) -> Session:
    return rotate(session, FIRST, "salt", NOON)


def test_a_session_keeps_digests_of_its_token_for_30_days(session: Session) -> None:
    assert session.refresh_sha256 == digest(str(FIRST))
    assert FIRST.secret not in repr(session)
    assert FIRST.family not in repr(session)
    assert session.expires_at == NOON + timedelta(days=30)


def test_a_token_is_read_as_it_is_written() -> None:
    assert read_refresh_token(str(FIRST)) == FIRST


@pytest.mark.parametrize("token", ["", "a.b.c", str(FIRST) + "\n", str(FIRST) + "x", "ü" * 100, "." * 102, "\ud800"])
def test_other_words_are_no_token(token: str) -> None:
    assert read_refresh_token(token) is None


def test_the_newest_token_rotates(session: Session, rotated: Session) -> None:
    assert judge(session, FIRST, NOON) is Verdict.ROTATE
    assert judge(rotated, SECOND, NOON) is Verdict.ROTATE


def test_the_previous_token_is_answered_alike_for_10_seconds(rotated: Session) -> None:
    assert judge(rotated, FIRST, NOON + GRACE) is Verdict.REPEAT
    assert successor(FIRST, rotated.salt) == SECOND
    assert judge(rotated, FIRST, NOON + GRACE + ONE_MS) is Verdict.REUSED


def test_once_its_successor_is_used_a_token_may_not_come_again(rotated: Session) -> None:
    twice = rotate(rotated, SECOND, "pepper", NOON)
    assert judge(twice, THIRD, NOON) is Verdict.ROTATE
    assert judge(twice, SECOND, NOON) is Verdict.REPEAT
    assert judge(twice, FIRST, NOON) is Verdict.REUSED


def test_who_knows_only_the_sessions_id_cannot_end_it(session: Session) -> None:
    assert judge(session, RefreshToken(FIRST.session_id, "g" * 22, FIRST.secret), NOON) is Verdict.FOREIGN


def test_the_sessions_own_expiry_binds(session: Session) -> None:
    assert judge(session, FIRST, NOON + REFRESH_LIVES - ONE_MS) is Verdict.ROTATE
    assert judge(session, FIRST, NOON + REFRESH_LIVES) is Verdict.FOREIGN


def test_a_session_that_is_used_lives_on_and_takes_a_new_lease_once_a_day(session: Session) -> None:
    soon = rotate(session, FIRST, "salt", NOON + timedelta(hours=23))
    assert soon.expires_at == NOON + timedelta(hours=23) + REFRESH_LIVES
    assert soon.leased_until == session.leased_until
    later = rotate(soon, SECOND, "pepper", NOON + timedelta(hours=25))
    assert later.leased_until > later.expires_at


def test_what_etcd_holds_tells_no_token_to_who_has_none(rotated: Session) -> None:
    assert SECOND.secret not in repr(rotated)
    assert successor(RefreshToken(FIRST.session_id, FIRST.family, "t" * 43), rotated.salt) != SECOND


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 30)), max_size=30))
def test_of_all_tokens_ever_given_only_the_newest_and_for_a_while_the_one_before_are_good(
    uses: list[tuple[int, float]],
) -> None:
    at, tokens, rotated_at = NOON, [FIRST], NOON
    session = begin("ana", FIRST, at)
    for back, pause_s in uses:
        at += timedelta(seconds=pause_s)
        age = min(back, len(tokens) - 1)
        verdict = judge(session, tokens[-1 - age], at)
        if age == 0:
            assert verdict is Verdict.ROTATE
            session, rotated_at = rotate(session, tokens[-1], f"salt {len(tokens)}", at), at
            tokens.append(successor(tokens[-1], session.salt))
        else:
            is_repeat = age == 1 and at - rotated_at <= GRACE
            assert verdict is (Verdict.REPEAT if is_repeat else Verdict.REUSED)
