"""The schedule of retries: five attempts, each wait about twice the last, and then the end."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from libs.common.breaker import Breaker, Permit, State
from libs.common.events import DeliveryError
from services.router.retrying import (
    ACCOUNT_BACK_S,
    ATTEMPTS,
    DELAYS_S,
    FIRST_PAUSE_S,
    IN_LANE_S,
    JITTER,
    LIVES,
    LONGEST_ASKED_S,
    LONGEST_PAUSE_S,
    REMOVED,
    SHORTEST_ASKED_S,
    GiveUp,
    Wait,
    after_failure,
    counts,
    is_expired,
    obeyed_s,
    pause_s,
    without_account,
)

ERROR = DeliveryError("unreachable", "ConnectError")
DICE = st.floats(0, 1)
OPENED = datetime(2026, 1, 1, tzinfo=UTC)
QUEUED = {"status": "QUEUED", "at": OPENED}


@given(st.lists(DICE, min_size=ATTEMPTS, max_size=ATTEMPTS))
def test_there_are_five_attempts_and_the_waits_between_them_grow(dice: list[float]) -> None:
    following = [after_failure(n, d, ERROR) for n, d in enumerate(dice, 1)]
    *waits, end = following
    assert end == GiveUp(ERROR, is_dead=True)
    seconds = [w.seconds for w in waits if isinstance(w, Wait)]
    assert len(seconds) == len(DELAYS_S)
    assert all(abs(s - d) <= d * JITTER for s, d in zip(seconds, DELAYS_S, strict=True))
    assert all(first < second for first, second in pairwise(seconds))


def ended(
    dice: list[float], *, is_taken: bool = True, others: str = "none", for_s: float = 3600, lives: timedelta = LIVES
) -> float | None:
    """When a message that always fails comes to its end, in seconds; None: not within that time.

    `others` to the same account meanwhile: "none", "failing", or "arriving".
    """
    breaker, now, attempts = Breaker(), 0.0, 0
    while now < for_s:
        while not isinstance(permit := breaker.admit(now), Permit):
            now += permit
        if is_expired([QUEUED], OPENED + timedelta(seconds=now), lives):
            return now
        breaker.failed(permit, now, "bad" if is_taken else None)
        attempts += counts(is_closed=breaker.state is State.CLOSED, fails_alone=breaker.fails_alone("bad"))
        following = after_failure(max(1, attempts), dice[int(now) % len(dice)], ERROR)
        if isinstance(following, GiveUp):
            return now
        now += following.seconds
        while others != "none" and not isinstance(permit := breaker.admit(now), Permit):
            now += permit
        if others != "none" and isinstance(permit, Permit):
            breaker.succeeded(permit, now) if others == "arriving" else breaker.failed(permit, now, "another")
    return None


SOME_DICE = st.lists(DICE, min_size=1, max_size=20)


@given(SOME_DICE)
def test_a_message_that_alone_fails_on_a_silent_account_comes_to_its_end(dice: list[float]) -> None:
    """Two attempts, one that opens the breaker, and trials up to half a minute apart; they count from the fifth on."""
    at = ended(dice)
    assert at is not None
    assert 60 < at < 150


@given(SOME_DICE)
def test_beside_others_that_arrive_it_has_its_five_attempts(dice: list[float]) -> None:
    at = ended(dice, others="arriving")
    assert at is not None
    assert at < 40


@given(SOME_DICE, st.booleans())
def test_no_outage_ends_a_message_where_others_fail_too_or_nobody_takes_anything(
    dice: list[float], is_taken: bool
) -> None:
    assert ended(dice, is_taken=is_taken, others="failing" if is_taken else "none") is None


@given(SOME_DICE, st.booleans(), st.integers(3, 90))
def test_what_no_attempt_ends_its_age_does(dice: list[float], is_taken: bool, minutes: int) -> None:
    """It ends with the next trial after it, which is half a minute later at most."""
    lives = timedelta(minutes=minutes)
    at = ended(dice, is_taken=is_taken, others="failing" if is_taken else "none", for_s=2 * 3600, lives=lives)
    assert at is not None
    assert timedelta() <= timedelta(seconds=at) - lives < timedelta(seconds=60)


@given(st.timedeltas(timedelta(), timedelta(days=3)), st.timedeltas(timedelta(), timedelta(days=3)))
def test_a_replay_begins_a_new_age(failed_after: timedelta, since: timedelta) -> None:
    failed = {"status": "FAILED", "at": OPENED + failed_after}
    replayed = {"status": "QUEUED", "at": OPENED + failed_after}
    assert is_expired([QUEUED, failed, replayed], OPENED + failed_after + since, LIVES) == (since >= LIVES)


@given(st.timedeltas(timedelta(), timedelta(days=3)), st.none() | st.timedeltas(timedelta(), timedelta(days=3)))
def test_without_its_account_it_waits_as_long_as_it_lives_and_a_call_may_end(
    since: timedelta, under_way: timedelta | None
) -> None:
    delivery = {"history": [QUEUED], "in_flight_until": None if under_way is None else OPENED + under_way}
    following = without_account(delivery, OPENED + since, LIVES)
    is_over = since >= LIVES and (under_way is None or under_way <= since)
    assert following == (GiveUp(REMOVED, is_dead=False) if is_over else Wait(ACCOUNT_BACK_S))


@given(st.integers(1, ATTEMPTS - 1), DICE)
def test_what_may_have_arrived_is_tried_once_more_and_not_again(attempts: int, dice: float) -> None:
    assert isinstance(after_failure(attempts, dice, ERROR, unknown=1), Wait)
    assert after_failure(attempts, dice, ERROR, unknown=2) == GiveUp(ERROR, is_dead=True)


@given(st.integers(1, ATTEMPTS - 1), DICE)
def test_no_wait_of_our_own_leaves_the_lane(attempts: int, dice: float) -> None:
    following = after_failure(attempts, dice, ERROR)
    assert isinstance(following, Wait)
    assert not following.is_long


@given(st.floats(0, 100_000))
def test_what_a_platform_asks_for_is_obeyed_here_or_elsewhere(seconds: float) -> None:
    assert Wait(seconds).is_long == (seconds > IN_LANE_S)


@given(st.integers(ATTEMPTS, 100), DICE)
def test_who_has_had_all_attempts_gets_no_other(attempts: int, dice: float) -> None:
    assert isinstance(after_failure(attempts, dice, ERROR), GiveUp)


@given(st.integers(1, 10_000), st.floats(0, LONGEST_ASKED_S))
def test_what_came_in_is_tried_again_soon_and_then_seldom_and_never_before_it_was_asked_for(
    tries: int, asked_s: float
) -> None:
    assert pause_s(1) == FIRST_PAUSE_S <= pause_s(tries) <= pause_s(tries + 1) <= LONGEST_PAUSE_S
    assert pause_s(tries, asked_s) == max(asked_s, pause_s(tries))


@given(st.floats(allow_nan=False))
def test_no_platform_makes_us_call_without_a_pause_or_wait_for_ever(asked_s: float) -> None:
    assert SHORTEST_ASKED_S <= obeyed_s(asked_s) <= LONGEST_ASKED_S
    assert pause_s(1, asked_s) <= LONGEST_ASKED_S
    assert obeyed_s(60) == 60
