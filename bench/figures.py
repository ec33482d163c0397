"""Percentiles, medians and ranges, without surprises on small or empty samples."""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Latency(NamedTuple):
    """Percentiles in milliseconds."""

    p50: float
    p95: float
    p99: float


class Spread(NamedTuple):
    """The median of several runs and the range that they cover."""

    median: float
    low: float
    high: float


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of the sorted sample does not exceed; nan for an empty one."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latency(seconds: Sequence[float]) -> Latency:
    """The percentiles of a sample in seconds, in milliseconds."""
    ordered = sorted(seconds)
    return Latency(*(round(percentile(ordered, share) * 1000, 2) for share in (0.50, 0.95, 0.99)))


def spread(values: Sequence[float]) -> Spread:
    """Median (of an even number: the mean of the middle two), lowest and highest."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return Spread(median, ordered[0], ordered[-1])
