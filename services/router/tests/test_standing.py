"""How an account has fared: what is counted, for how long, and what all routers together say."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.common.events import DeliveryError
from services.router.standing import MOST_ERRORS, MOST_WAITS, WINDOW_S, Standing, Tally, together

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DOWN = DeliveryError("unreachable", "503")


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def standing(tally: Tally, breaker: str = "closed", tried_again_at: str | None = None) -> Standing:
    return Standing(
        channel="telegram",
        account="main",
        breaker=breaker,
        tried_again_at=tried_again_at,
        lanes=2,
        waiting=5,
        in_flight=1,
        outcomes=tally.outcomes(NOON),
        waits=tally.waits(NOON),
        errors=tally.errors(),
    )


def test_outcomes_are_those_of_the_last_minutes() -> None:
    tally = Tally()
    tally.note(after(-WINDOW_S - 60), "sent", "42", None)
    tally.note(after(-1), "failed", "42", DOWN)
    tally.note(NOON, "sent", "42", None)
    assert tally.outcomes(NOON) == {"failed": 1, "sent": 1}
    assert tally.outcomes(after(2 * WINDOW_S)) == {}


def test_of_an_address_only_the_end_is_shown() -> None:
    tally = Tally()
    tally.note(NOON, "failed", "+431234567", DOWN)
    tally.note(NOON, "asked", "42", None, 60)
    assert [(e.code, e.detail, e.address) for e in tally.errors()] == [("unreachable", "503", "…4567")]
    assert [(w.until, w.address) for w in tally.waits(NOON)] == [("2026-11-21T12:01:00.000Z", "…")]


def test_a_wait_that_is_over_is_not_shown_and_a_new_one_takes_the_place_of_an_old() -> None:
    tally = Tally()
    for seconds in (60, 30):
        tally.note(NOON, "asked", "500042", None, seconds)
    assert [w.until for w in tally.waits(NOON)] == ["2026-11-21T12:00:30.000Z"]
    assert tally.waits(after(31)) == []


@given(st.lists(st.tuples(st.integers(0, 5_000), st.sampled_from(["sent", "failed", "asked"]), st.integers(0, 99))))
def test_whatever_happens_what_is_remembered_has_bounds(notes: list[tuple[int, str, int]]) -> None:
    tally, at = Tally(), 0
    for seconds, outcome, address in notes:
        at += seconds
        error = DOWN if outcome == "failed" else None
        tally.note(after(at), outcome, str(address), error, 1e6 if outcome == "asked" else 0)
    assert len(tally.errors()) <= MOST_ERRORS
    assert len(tally.waits(after(at))) <= MOST_WAITS
    assert sum(tally.outcomes(after(at)).values()) <= len(notes)


def test_together_the_worst_breaker_counts_and_everything_else_is_added() -> None:
    busy, idle = Tally(), Tally()
    for outcome, error in (("sent", None), ("sent", None), ("failed", DOWN), ("refusal", DOWN), ("asked", None)):
        busy.note(NOON, outcome, "500042", error)
    idle.note(after(-9), "sent", "500043", None)
    found = together([standing(idle), standing(busy, "open", "2026-11-21T12:00:05.000Z")])
    assert (found.routers, found.breaker, found.tried_again_at) == (2, "open", "2026-11-21T12:00:05.000Z")
    assert (found.lanes, found.waiting, found.in_flight) == (4, 10, 2)
    outcomes = found.outcomes
    assert (outcomes.sent, outcomes.failed, outcomes.refused, outcomes.asked_to_wait) == (3, 1, 1, 1)
    assert outcomes.error_rate == 0.4


def test_where_no_router_says_anything_nothing_is_claimed() -> None:
    found = together([])
    assert (found.routers, found.breaker, found.outcomes.error_rate) == (0, None, None)
