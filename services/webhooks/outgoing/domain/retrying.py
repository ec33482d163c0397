"""What follows an attempt: done, another one after a while, or none any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

DEFAULT_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Between the attempts, as Standard Webhooks has them; the first attempt is at once."""
JITTER = 0.1  # of a wait, added
LONGEST_S = 86_400.0  # that an endpoint may ask for
GONE = 410
SLOW_DOWN = (429, 503)


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is its beginning; `retry_after_s` as it asked."""

    status: int
    body: bytes = b""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """`code` is stable, `detail` for people."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Delivered:
    pass


@dataclass(frozen=True, slots=True)
class Again:
    """After so many seconds. `holds_all`: the endpoint asked for it, so its other events wait as well."""

    after_s: float
    holds_all: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """`is_gone`: the endpoint says that it wants nothing any more."""

    is_gone: bool = False


def after_attempt(
    tries: int, outcome: Answer | NoAnswer, schedule_s: Sequence[float], dice: float
) -> Delivered | Again | GiveUp:
    """`tries` made so far, this one included; `dice` from 0 to 1."""
    if isinstance(outcome, Answer) and 200 <= outcome.status < 300:
        return Delivered()
    if isinstance(outcome, Answer) and outcome.status == GONE:
        return GiveUp(is_gone=True)
    if tries > len(schedule_s):
        return GiveUp()
    wait_s = schedule_s[tries - 1] * (1 + JITTER * dice)
    asked_s = outcome.retry_after_s if isinstance(outcome, Answer) else None
    if asked_s is None:
        return Again(wait_s)
    status = outcome.status if isinstance(outcome, Answer) else 0
    return Again(max(wait_s, asked_s), holds_all=status in SLOW_DOWN)


def retry_after_s(said: str | None, at: datetime) -> float | None:
    """Seconds from now, of a header in either of its forms; None where it says nothing that can be understood."""
    if not said:
        return None
    if said.strip().isdecimal():
        return min(float(said[:12]), LONGEST_S)
    try:
        wait = parsedate_to_datetime(said) - at
    except (ValueError, TypeError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_S)


def is_failing_for_good(failing_since: datetime, at: datetime, patience: timedelta) -> bool:
    return at - failing_since >= patience
