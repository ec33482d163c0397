"""When keys sign and verify."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.domain.keys import ALWAYS, PUBLISHED_FIRST, made_at, name_key, needed, signing, terms
from services.auth.domain.sessions import ACCESS_LIVES

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def key(after_s: float, number: int = 0) -> str:
    return name_key(NOON + after_s * SECOND, f"{number:08x}")


def test_a_name_tells_when_its_key_was_made() -> None:
    assert made_at(name_key(NOON, "0123abcd")) == NOON


@pytest.mark.parametrize("name", ["", "first", "0123456789abcdef", "20261399T999999Z-00000000", "20261121T120000Z-x"])
def test_a_key_with_another_name_was_there_always(name: str) -> None:
    assert made_at(name) == ALWAYS


def test_the_first_key_signs_at_once_and_the_next_when_it_was_published_long_enough() -> None:
    first, second = terms([key(3600), key(0)])
    assert (first.signs_from, second.signs_from) == (NOON, NOON + 3600 * SECOND + PUBLISHED_FIRST)
    assert [first.state(NOON), second.state(NOON + 3600 * SECOND)] == ["signs", "published"]
    handed_over = second.signs_from
    assert [first.state(handed_over), second.state(handed_over)] == ["verifies", "signs"]
    assert first.state(handed_over + ACCESS_LIVES + timedelta(minutes=1)) == "retired"


def test_a_clock_that_was_set_back_leaves_the_oldest_key_to_sign() -> None:
    assert signing([key(100), key(200)], NOON) == key(100)


def test_without_keys_nobody_signs() -> None:
    assert signing([], NOON) is None


@given(st.sets(st.integers(0, 20_000), min_size=1, max_size=6), st.integers(0, 30_000), st.integers(0, 3_599))
def test_whatever_was_signed_is_verified_as_long_as_it_lives_by_keys_that_others_could_know(
    made_after_s: set[int], signed_after_s: int, later_s: int
) -> None:
    at = NOON + signed_after_s * SECOND
    names = [key(made, number) for number, made in enumerate(made_after_s)]
    there = [name for name in names if made_at(name) <= at]
    signer = signing(there, at)
    if signer is None:
        return
    assert signer == min(there) or made_at(signer) + PUBLISHED_FIRST <= at
    then = at + later_s * SECOND
    there_then = [name for name in names if made_at(name) <= then]
    assert signer in [term.key_id for term in needed(there_then, then)]


@given(st.sets(st.integers(0, 20_000), min_size=1, max_size=6), st.integers(0, 40_000))
def test_removing_what_is_not_needed_changes_nothing(made_after_s: set[int], after_s: int) -> None:
    at = NOON + after_s * SECOND
    names = [key(made, number) for number, made in enumerate(made_after_s) if made <= after_s]
    kept = [term.key_id for term in needed(names, at)]
    assert [term.key_id for term in needed(kept, at)] == kept
    assert signing(kept, at) == signing(names, at)
