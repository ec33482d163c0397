"""A breaker stops calls to who fails, tries again now and then, and recovers; whatever comes in whatever order."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from libs.common.breaker import Breaker, Permit, Policy, State

POLICY = Policy(window_s=10, least=3, failing=0.5, open_s=2, longest_s=8, trials=2)


def permit(breaker: Breaker, now: float) -> Permit:
    admitted = breaker.admit(now)
    assert isinstance(admitted, Permit)
    return admitted


def state(breaker: Breaker) -> State:
    return breaker.state


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker(POLICY)
    for _ in range(POLICY.least):
        breaker.failed(permit(breaker, at), at)
    return breaker


def test_it_opens_when_half_of_the_calls_fail_and_not_before_there_are_enough() -> None:
    breaker = Breaker(POLICY)
    for has_failed in (True, False, True, False):
        tell = breaker.failed if has_failed else breaker.succeeded
        tell(permit(breaker, 1), 1)
    assert state(breaker) is State.CLOSED
    breaker.failed(permit(breaker, 2), 2)
    assert state(breaker) is State.OPEN


def test_what_failed_before_the_window_is_forgotten() -> None:
    breaker = Breaker(POLICY)
    for at in (0, 8, 16, 24, 32):
        breaker.failed(permit(breaker, at), at)
    assert breaker.state is State.CLOSED


def test_open_it_says_how_long_to_wait_and_then_lets_a_few_try() -> None:
    breaker = opened()
    assert breaker.admit(0.5) == breaker.open_for_s(0.5) == 1.5
    assert [permit(breaker, 2).kind, permit(breaker, 2).kind] == ["trial", "trial"]
    assert breaker.admit(2) == 0


def test_a_trial_that_succeeds_closes_it_and_the_others_are_old_news() -> None:
    breaker = opened()
    first, second = permit(breaker, 2), permit(breaker, 2)
    breaker.succeeded(first, 3)
    breaker.failed(second, 3)
    assert breaker.state is State.CLOSED
    assert permit(breaker, 3).kind == "normal"


def test_when_all_trials_fail_it_waits_twice_as_long_up_to_a_bound() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(4):
        wait = breaker.admit(now)
        assert isinstance(wait, float)
        waits.append(wait)
        now += wait
        breaker.failed(permit(breaker, now), now)
    assert waits == [2, 4, 8, 8]


def test_a_call_that_was_not_made_leaves_its_place_to_another() -> None:
    breaker = opened()
    taken = [permit(breaker, 2) for _ in range(POLICY.trials)]
    breaker.given_back(taken[0])
    assert permit(breaker, 2).kind == "trial"


def failing(breaker: Breaker, now: float, *tried: str | None) -> float:
    """One trial behind the other fails; when the last one did."""
    for what in tried:
        while not isinstance(admitted := breaker.admit(now), Permit):
            now += admitted
        breaker.failed(admitted, now, what)
    return now


def test_what_fails_alone_in_enough_trials_may_be_its_own_fault() -> None:
    breaker = opened()
    now = failing(breaker, 0, *["bad"] * (POLICY.alone - 1))
    assert not breaker.fails_alone("bad")
    now = failing(breaker, now, "bad")
    assert breaker.fails_alone("bad")
    assert not breaker.fails_alone("another")
    now = failing(breaker, now, "another")
    assert not breaker.fails_alone("bad")
    assert not breaker.fails_alone("another")


def test_where_nobody_takes_anything_nothing_is_blamed() -> None:
    breaker = opened()
    failing(breaker, 0, *[None] * 100)
    assert not breaker.fails_alone("one")


def test_who_answered_meanwhile_may_be_away_anew() -> None:
    breaker = opened()
    now = failing(breaker, 0, *["bad"] * POLICY.alone)
    while not isinstance(admitted := breaker.admit(now), Permit):
        now += admitted
    breaker.succeeded(admitted, now)
    assert not breaker.fails_alone("bad")


class Calls(RuleBasedStateMachine):
    """Calls of many at once, which end in any order, late or never."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(POLICY)
        self.now = 0.0
        self.under_way: list[Permit] = []
        self.trying = 0

    @rule(seconds=st.floats(0, 20))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        was = self.breaker.state
        admitted = self.breaker.admit(self.now)
        if isinstance(admitted, Permit):
            assert (admitted.kind == "normal") == (was is State.CLOSED)
            self.under_way.append(admitted)
        else:
            assert was is not State.CLOSED
            assert 0 <= admitted <= POLICY.longest_s

    @rule(which=st.integers(0), how=st.sampled_from(["succeeded", "failed", "given_back"]))
    def end(self, which: int, how: str) -> None:
        if not self.under_way:
            return
        ended = self.under_way.pop(which % len(self.under_way))
        if how == "given_back":
            self.breaker.given_back(ended)
        else:
            getattr(self.breaker, how)(ended, self.now)

    @invariant()
    def no_more_trials_than_allowed(self) -> None:
        current = [p for p in self.under_way if p.kind == "trial" and p.round == self.breaker._round]
        assert len(current) <= POLICY.trials
        assert self.breaker._trying == len(current)


TestCalls = Calls.TestCase


@given(st.lists(st.booleans(), max_size=60))
def test_who_answers_again_is_called_again_however_it_failed(outcomes: list[bool]) -> None:
    breaker, now = Breaker(POLICY), 0.0
    for has_failed in outcomes:
        while not isinstance(admitted := breaker.admit(now), Permit):
            now += admitted
        (breaker.failed if has_failed else breaker.succeeded)(admitted, now)
    now += POLICY.longest_s
    breaker.succeeded(permit(breaker, now), now)
    assert breaker.state is State.CLOSED
