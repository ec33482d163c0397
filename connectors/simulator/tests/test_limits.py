"""Flood limits: what passes in any stretch of time stays within rate and burst, and the wait that is told is enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.capabilities import CHANNELS
from connectors.simulator.limits import FloodLimits, Rates, rates_of

RATES = rates_of(CHANNELS["telegram"])


def test_the_rates_are_those_of_the_registry() -> None:
    assert Rates(chat=1, bot=30, group=20, chat_burst=3) == RATES


def test_a_chat_takes_a_burst_and_then_one_a_second() -> None:
    limits = FloodLimits(RATES)
    assert [limits.take(1, 42, 100.0) for _ in range(5)] == [0, 0, 0, 1, 1]
    assert [limits.take(1, 42, 101.0) for _ in range(2)] == [0, 1]


def test_a_group_takes_twenty_a_minute() -> None:
    limits = FloodLimits(RATES)
    assert [limits.take(1, -42, 100.0) for _ in range(20)] == [0] * 20
    assert limits.take(1, -42, 100.0) == 3


def test_a_bot_sends_thirty_a_second_over_all_chats() -> None:
    limits = FloodLimits(RATES)
    assert [limits.take(1, chat, 100.0) for chat in range(1, 32)] == [0] * 30 + [1]
    assert limits.take(2, 31, 100.0) == 0


def test_switched_off_nobody_waits() -> None:
    limits = FloodLimits(Rates(1, 30, 20, enabled=False))
    assert {limits.take(1, 42, 100.0) for _ in range(100)} == {0}


@given(st.lists(st.floats(0, 3), max_size=80), st.sampled_from([42, -42]))
def test_nothing_passes_faster_than_its_rate(gaps: list[float], chat: int) -> None:
    limits, now, passed = FloodLimits(RATES), 100.0, []
    for gap in gaps:
        now += gap
        if not limits.take(1, chat, now):
            passed.append(now)
    rate, burst = (1.0, 3) if chat > 0 else (20 / 60, 20)
    for first, start in enumerate(passed):
        for count, end in enumerate(passed[first:], 1):
            assert count <= burst + (end - start) * rate + 1e-6


@given(st.integers(1, 60))
def test_who_waits_as_told_passes(sends: int) -> None:
    limits, now = FloodLimits(RATES), 100.0
    for _ in range(sends):
        now += limits.take(1, 42, now)
        last = limits.take(1, 42, now)
    assert last in (0, 1)
    assert limits.take(1, 42, now + 1) == 0


@pytest.mark.parametrize("chat", [42, -42])
def test_what_has_to_wait_takes_nothing(chat: int) -> None:
    limits = FloodLimits(RATES)
    while not (wait := limits.take(1, chat, 100.0)):
        pass
    for _ in range(50):
        limits.take(1, chat, 100.0)
    assert limits.take(1, chat, 100.0) == wait
