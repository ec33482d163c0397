"""Guessing is slowed down, and nobody is locked out for good; by a clock of the tests' own."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Problem
from services.auth.domain.guessing import (
    HALF_LIFE_S,
    OF_ADDRESS,
    OF_PAIR,
    OF_USER,
    Limit,
    Tally,
    after_failure,
    network,
    pause_s,
    wait_s,
)
from services.auth.handlers.guard import Guard

DAY_S = 86_400.0
limits = st.sampled_from([OF_PAIR, OF_ADDRESS, OF_USER])
tallies = st.builds(Tally, st.floats(0, 1e9), st.floats(0, 1e6), st.integers(0, 100))


class Clock:
    def __init__(self) -> None:
        self.at = 1e6

    def __call__(self) -> float:
        return self.at


class Door:
    """Where passwords are tried; counts what got through to bcrypt."""

    def __init__(self, remembered: int = 1_000) -> None:
        self.clock = Clock()
        self.guard = Guard(self.clock, remembered)
        self.tried = 0

    def refusal(self, username: str, address: str, is_right: bool = False) -> int:
        """0, or for how long the caller was sent away."""
        try:
            with self.guard.attempt(username, address) as attempt:
                self.tried += 1
                attempt.is_right = is_right
        except Problem as problem:
            return problem.retry_after_s or 0
        return 0

    def guess(self, username: str, address: str, times: int) -> None:
        """Each as soon as it is let in."""
        for _ in range(times):
            while wait := self.refusal(username, address):
                self.clock.at += wait


@pytest.fixture
def door() -> Door:
    return Door()


@given(tallies, limits, st.floats(0, 1e6))
def test_nobody_waits_longer_than_the_cap(tally: Tally, limit: Limit, after_s: float) -> None:
    at = tally.failed_at + after_s
    assert 0 <= max(0.0, wait_s(tally, limit, at)) <= limit.cap_s


@given(tallies, limits)
def test_without_attempts_under_way_the_longest_wait_is_enough(tally: Tally, limit: Limit) -> None:
    quiet = Tally(tally.failures, tally.failed_at)
    assert wait_s(quiet, limit, tally.failed_at + limit.cap_s) <= 0


@given(tallies, limits, st.floats(0, 600))
def test_another_failure_never_shortens_the_wait(tally: Tally, limit: Limit, after_s: float) -> None:
    at = tally.failed_at + after_s
    assert wait_s(after_failure(tally, at), limit, at) >= wait_s(tally, limit, at) - 1e-6


@given(st.floats(0, 1e9))
def test_pauses_grow(over: float) -> None:
    assert pause_s(over, OF_PAIR) <= pause_s(over + 1, OF_PAIR) <= OF_PAIR.cap_s


def test_the_first_mistakes_cost_nothing_and_the_next_ones_more_and_more(door: Door) -> None:
    assert [door.refusal("ana", "192.0.2.1") for _ in range(5)] == [0] * 5
    waits = []
    for _ in range(5):
        waits.append(wait := door.refusal("ana", "192.0.2.1"))
        door.clock.at += wait
        assert door.refusal("ana", "192.0.2.1") == 0
    assert waits == [1, 2, 4, 8, 16]


def test_a_right_password_forgives_the_mistakes(door: Door) -> None:
    door.guess("ana", "192.0.2.1", 5)
    door.clock.at += 1
    assert door.refusal("ana", "192.0.2.1", is_right=True) == 0
    assert [door.refusal("ana", "192.0.2.1") for _ in range(5)] == [0] * 5


def test_mistakes_are_forgotten_in_time(door: Door) -> None:
    door.guess("ana", "192.0.2.1", 8)
    door.clock.at += 5 * HALF_LIFE_S
    assert [door.refusal("ana", "192.0.2.1") for _ in range(5)] == [0] * 5


def test_who_guesses_a_whole_day_from_one_address_gets_some_hundred_tries(door: Door) -> None:
    end = door.clock.at + DAY_S
    while door.clock.at < end:
        door.clock.at += door.refusal("ana", "192.0.2.1") or 0.3
    assert door.tried < 500


def test_others_log_in_while_one_user_is_guessed_at_from_the_same_address(door: Door) -> None:
    door.guess("ana", "192.0.2.1", 50)
    assert door.refusal("bo", "192.0.2.1", is_right=True) == 0


def test_the_owner_logs_in_from_elsewhere_while_one_address_guesses(door: Door) -> None:
    door.guess("ana", "192.0.2.1", 100)
    assert door.refusal("ana", "192.0.2.2", is_right=True) == 0


def test_trying_many_users_from_one_address_is_slowed_down(door: Door) -> None:
    for number in range(150):
        door.guess(f"user{number}", "192.0.2.1", 1)
    begin, tried = door.clock.at, door.tried
    for number in range(1_000):
        door.guess(f"other{number}", "192.0.2.1", 1)
    assert (door.clock.at - begin) / (door.tried - tried) >= 4


def test_who_has_logged_in_from_an_address_does_so_whatever_others_there_do(door: Door) -> None:
    assert door.refusal("ana", "192.0.2.1", is_right=True) == 0
    for number in range(300):
        door.guess(f"user{number}", "192.0.2.1", 1)
    assert door.refusal("ana", "192.0.2.1", is_right=True) == 0


def guess_from_everywhere(door: Door, username: str, addresses: int) -> None:
    for number in range(addresses):
        for _ in range(5):
            with suppress(Problem), door.guard.attempt(username, f"10.0.{number // 256}.{number % 256}"):
                pass


def test_a_user_at_whom_many_addresses_guess_makes_a_new_one_wait_once(door: Door) -> None:
    guess_from_everywhere(door, "ana", 200)
    wait = door.refusal("ana", "192.0.2.1", is_right=True)
    assert 1 <= wait <= OF_USER.cap_s
    door.clock.at += wait
    guess_from_everywhere(door, "ana", 100)
    assert door.refusal("ana", "192.0.2.1", is_right=True) == 0


def test_an_address_that_the_owner_knows_is_open_whoever_guesses(door: Door) -> None:
    assert door.refusal("ana", "192.0.2.1", is_right=True) == 0
    guess_from_everywhere(door, "ana", 300)
    assert door.refusal("ana", "192.0.2.1", is_right=True) == 0


def test_many_attempts_at_once_count_before_they_have_failed(door: Door) -> None:
    door.guess("ana", "192.0.2.1", 4)
    with door.guard.attempt("ana", "192.0.2.1"):
        assert door.refusal("ana", "192.0.2.1")


def test_whoever_never_failed_may_log_in_twenty_times_at_once(door: Door) -> None:
    attempts = [door.guard.attempt("ana", "192.0.2.1") for _ in range(20)]
    for attempt in attempts:
        attempt.__enter__().is_right = True
    for attempt in attempts:
        attempt.__exit__(None, None, None)
    assert door.refusal("ana", "192.0.2.1", is_right=True) == 0


def test_an_attempt_that_could_not_be_decided_is_none(door: Door) -> None:
    for _ in range(20):
        with suppress(ConnectionError), door.guard.attempt("ana", "192.0.2.1"):
            raise ConnectionError
    assert door.refusal("ana", "192.0.2.1", is_right=True) == 0


def test_all_that_can_be_no_username_is_counted_as_one(door: Door) -> None:
    for number in range(5):
        door.refusal(f"No Name {number}" * 10_000, "192.0.2.1")
    assert door.refusal("another NAME", "192.0.2.1")


def test_memory_is_bounded() -> None:
    door = Door(remembered=100)
    for number in range(5_000):
        door.refusal(f"user{number}", f"10.0.{number // 256}.{number % 256}", is_right=number % 3 == 0)
    tables = [value for value in vars(door.guard).values() if hasattr(value, "__len__")]
    assert len(tables) == 5
    assert all(len(table) <= 100 for table in tables)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0, 40)), max_size=200))
def test_whatever_others_do_elsewhere_the_owner_gets_in_where_they_are_known_and_soon_where_not(
    guesses: list[tuple[int, int, float]],
) -> None:
    door = Door()
    door.refusal("ana", "198.51.100.1", is_right=True)
    for user, address, later_s in guesses:
        door.clock.at += later_s
        for _ in range(7):
            door.refusal(["ana", "bo", "carl", "dora"][user], f"192.0.2.{address}")
    assert door.refusal("ana", "198.51.100.1", is_right=True) == 0
    door.clock.at += door.refusal("ana", "198.51.100.2", is_right=True)
    assert door.refusal("ana", "198.51.100.2", is_right=True) == 0


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unknown", "unknown"),
        ("x" * 10_000, "x" * 64),
        ("", ""),
    ],
)
def test_an_address_stands_for_its_network(address: str, expected: str) -> None:
    assert network(address) == expected
