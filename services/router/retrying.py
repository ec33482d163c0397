"""What follows a failed attempt, at a delivery or at what came in: wait, or give up; pure decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from libs.common.events import DeliveryError

DELAYS_S = (1.0, 2.0, 4.0, 8.0)
ATTEMPTS = len(DELAYS_S) + 1
JITTER = 0.25
RETRIED_UNKNOWN = 1
IN_LANE_S = 30.0
"""What takes longer waits in MongoDB, so that it holds back no offset."""
LIVES = timedelta(hours=24)
"""After that nobody waits for it any more."""
EXPIRED = DeliveryError("expired", "It could not be sent for too long.")
REMOVED = DeliveryError("account_removed", "The account that was to send it is not configured any more.")
ACCOUNT_BACK_S = 30.0

SHORTEST_ASKED_S = 0.5
LONGEST_ASKED_S = 24 * 3600.0
"""What platforms ask for is obeyed between these: none of them means never, or at once again and again."""

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 8.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again in so many seconds."""

    seconds: float

    @property
    def is_long(self) -> bool:
        return self.seconds > IN_LANE_S


class GiveUp(NamedTuple):
    """For good; `is_dead`: an operator may want to try again."""

    error: DeliveryError
    is_dead: bool


class Attempts(NamedTuple):
    """So far: those that count, and those whose end nobody knows."""

    counted: int
    unknown: int


class Parked(NamedTuple):
    """A request that has left Kafka: `place` is its offset there, so order holds."""

    lane: str
    place: int
    request: bytes
    trace: str


def after_failure(attempts: int, dice: float, error: DeliveryError, unknown: int = 0) -> Wait | GiveUp:
    """After so many attempts that count, and so many whose end nobody knows; `dice` is between 0 and 1."""
    if attempts >= ATTEMPTS or is_too_doubtful(unknown):
        return GiveUp(error, is_dead=True)
    return Wait(DELAYS_S[attempts - 1] * (1 + JITTER * (2 * dice - 1)))


def is_too_doubtful(unknown: int) -> bool:
    """After one attempt whose end nobody knows there is one more, and then none: each may be there already."""
    return unknown > RETRIED_UNKNOWN


def is_expired(history: Sequence[Mapping[str, Any]], at: datetime, lives: timedelta) -> bool:
    """Of a delivery that is QUEUED: its age begins when it is opened, and anew when it is replayed."""
    opened_at: datetime = next(entry["at"] for entry in reversed(history) if entry["status"] == "QUEUED")
    return at - opened_at >= lives


def without_account(delivery: Mapping[str, Any], at: datetime, lives: timedelta) -> Wait | GiveUp:
    """Of a delivery that is QUEUED, whose account is in no settings: it waits for that as long as it lives.

    A call that is under way, by a router that knows the account, comes to its end before.
    """
    under_way = delivery.get("in_flight_until")
    if is_expired(delivery["history"], at, lives) and (under_way is None or under_way <= at):
        return GiveUp(REMOVED, is_dead=False)
    return Wait(ACCOUNT_BACK_S)


def counts(*, is_closed: bool, fails_alone: bool) -> bool:
    """While the breaker is not closed, it is asked whether the platform is there. That it is not is no fault of theirs.

    Unless this delivery alone has failed in all of them: then it may be its fault, and it has to come to an end.
    """
    return is_closed or fails_alone


def obeyed_s(asked_s: float) -> float:
    """How long is waited where a platform asks for so long."""
    return min(max(asked_s, SHORTEST_ASKED_S), LONGEST_ASKED_S)


def pause_s(tries: int, asked_s: float = 0.0) -> float:
    """Before what came in is tried again, after so many times; `asked_s`: what a platform asks for beats it."""
    return max(min(asked_s, LONGEST_ASKED_S), min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(tries - 1, 10)))
