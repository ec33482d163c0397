"""When to try again: a request that failed, and a connection that is gone (wait, renew the session, or give up)."""

from dataclasses import dataclass
from enum import Enum

from clients.parley.errors import ParleyError, ProblemError, SessionEndedError, SocketClosedError

NOT_LOGGED_IN, TOO_SLOW, LOGGED_OUT = 4401, 4408, 4409
OUR_FAULT = (1002, 1003, 1007, 1008, 1009)  # a connection like this one would end like this one

FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 2.0

SPREAD_S = 1.0
LONGEST_S = 30.0
STABLE_S = 10.0  # a connection that lasted so long was a good one: the next wait is short again


def backoff_s(attempt: int, retry_after_s: float | None, dice: float) -> float:
    """The wait after failed attempt number `attempt` (from 1), with `dice` in 0..1.

    Half to three halves of 0.1, 0.2, 0.4 … 2 s, so that clients that failed together do not return together."""
    spread = min(FIRST_BACKOFF_S * 2.0 ** (attempt - 1), LONGEST_BACKOFF_S) * (0.5 + dice)
    return spread + (retry_after_s or 0.0)


class Step(Enum):
    """What comes next."""

    WAIT = "connect again after a while"
    RENEW = "renew the access token, then connect again"
    STOP = "connecting again would not help"


def next_step(error: ParleyError) -> Step:
    """The decision for the error that ended a connection, or an attempt to make one."""
    match error:
        case SessionEndedError():
            return Step.STOP
        case SocketClosedError(code=code) if code in (NOT_LOGGED_IN, LOGGED_OUT):
            return Step.RENEW
        case SocketClosedError(code=code):
            return Step.STOP if code in OUR_FAULT else Step.WAIT
        case ProblemError(status=401):
            return Step.RENEW
        case ProblemError(status=status, code=code):
            passes = status >= 500 or status in (408, 429) or code == "not_a_problem"
            return Step.WAIT if passes else Step.STOP
        case _:
            return Step.WAIT


def reconnect_s(attempt: int, asked_s: float | None, dice: float) -> float:
    """The wait before attempt number `attempt` (from 1), with `dice` in 0..1.

    Anywhere between nothing and 1, 2, 4 … 30 s, on top of what the server asks: after a restart thousands of
    clients come back, and evenly spread they meet a server that is still warming up."""
    return dice * min(SPREAD_S * 2.0 ** (attempt - 1), LONGEST_S) + (asked_s or 0.0)


@dataclass
class Tries:
    """How many connections in a row did not last, and what that means for the next; times in seconds."""

    patience_s: float
    waiting_since: float
    ready_at: float | None = None
    count: int = 0
    has_renewed: bool = False

    def ready(self, now: float) -> None:
        self.ready_at = now
        self.has_renewed = False

    def lost(self, error: ParleyError, now: float) -> Step:
        if self.ready_at is not None:
            self.waiting_since = now
            self.count = 0 if now - self.ready_at > STABLE_S else self.count
            self.ready_at = None
        self.count += 1
        step = next_step(error)
        if now - self.waiting_since > self.patience_s or (step is Step.RENEW and self.has_renewed):
            return Step.STOP
        return step
