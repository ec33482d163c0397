"""After a fault the platform counts as normal when a whole second is in time, not when something was early."""

from tests.ledger.faults import steady_since
from tests.ledger.history import SECOND, Sent

NOW = 10 * SECOND


def sent(at_s: float, after_s: float | None) -> Sent:
    """A message of that time, which arrived so much later, or has not arrived."""
    at = int(at_s * SECOND)
    return Sent(0, 0, "http", 0, sent=at, arrived=0 if after_s is None else at + int(after_s * SECOND))


def every_10_ms(begin_s: float, end_s: float, after_s: float | None = 0.01) -> list[Sent]:
    return [sent(begin_s + n * 0.01, after_s) for n in range(round((end_s - begin_s) / 0.01))]


def test_what_got_through_before_the_harm_was_felt_proves_nothing() -> None:
    assert steady_since(every_10_ms(9.0, 9.5), NOW) == 0


def test_a_second_in_time_is_normal_from_its_begin() -> None:
    since = steady_since([*every_10_ms(7.0, 8.4, None), *every_10_ms(8.4, 9.6)], NOW)
    assert 8.5 * SECOND <= since < 8.6 * SECOND


def test_a_few_may_be_late_because_somebody_is_always_away() -> None:
    quick = every_10_ms(8.0, 9.6)
    quick[70] = sent(8.7, None)
    assert steady_since(quick, NOW) > 0
    quick[60:66] = every_10_ms(8.6, 8.66, 0.6)
    assert steady_since(quick, NOW) == 0


def test_few_messages_are_not_enough() -> None:
    assert steady_since([sent(7.0 + n * 0.3, 0.01) for n in range(9)], NOW) == 0
