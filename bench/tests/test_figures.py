"""Percentiles, medians, and the sums behind them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Latency, Spread, latency, percentile, spread
from bench.load import due_times


def test_percentiles_are_values_of_the_sample() -> None:
    hundred = [n / 1000 for n in range(1, 101)]
    assert latency(hundred[::-1]) == Latency(50, 95, 99)
    assert latency([0.004]) == Latency(4, 4, 4)


def test_an_empty_sample_has_no_percentile() -> None:
    assert all(math.isnan(value) for value in latency([]))


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_bounds_its_share_of_the_sample(sample: list[float], share: float) -> None:
    found = percentile(sorted(sample), share)
    assert sum(value <= found for value in sample) >= share * len(sample) - 1e-9
    assert found in sample


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3.0], Spread(3, 3, 3)), ([5.0, 1.0, 2.0], Spread(2, 1, 5)), ([1.0, 2.0], Spread(1.5, 1, 2))],
)
def test_a_spread_is_median_and_range(values: list[float], expected: Spread) -> None:
    assert spread(values) == expected


def test_messages_are_due_evenly_and_none_after_the_end() -> None:
    assert list(due_times(10.0, 1.0, 4.0)) == [10.0, 10.25, 10.5, 10.75]
    assert len(list(due_times(0.0, 10.0, 3.0))) == 30
