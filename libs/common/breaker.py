"""When to stop calling somebody who fails, and when to try again: closed, open, half open; pure, the clock is told."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, NamedTuple


class State(Enum):
    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Policy:
    """It opens when at least `failing` of the last calls within `window_s` failed, and at least `least` did.

    Then it waits `open_s`, twice as long after each trial that fails, at most `longest_s`. When `alone` trials have
    failed, and all of them with the same, that one may be what is wrong.
    """

    window_s: float = 10.0
    least: int = 3
    failing: float = 0.5
    open_s: float = 2.0
    longest_s: float = 30.0
    trials: int = 3
    alone: int = 5


class Permit(NamedTuple):
    """Of one call; `round` is that of the breaker when it was given, so that old news change nothing."""

    kind: Literal["normal", "trial"]
    round: int


@dataclass
class Breaker:
    """Each `Permit` is followed by one of `succeeded`, `failed` and `given_back`."""

    policy: Policy = field(default_factory=Policy)
    state: State = State.CLOSED
    _calls: deque[tuple[float, bool]] = field(default_factory=deque)
    _round: int = 0
    _opened: int = 0
    _until: float = 0.0
    _trying: int = 0
    _failing: set[str] = field(default_factory=set)
    _in_trials: int = 0

    def admit(self, now: float) -> Permit | float:
        """May a call be made now? Else: ask again in so many seconds; 0 is when a trial has ended."""
        if self.state is State.OPEN:
            if now < self._until:
                return self._until - now
            self._become(State.HALF_OPEN)
        if self.state is State.CLOSED:
            return Permit("normal", self._round)
        if self._trying >= self.policy.trials:
            return 0.0
        self._trying += 1
        return Permit("trial", self._round)

    def succeeded(self, permit: Permit, now: float) -> None:
        """One trial that succeeds is enough: who fails alone keeps no other from being served."""
        if permit.round != self._round:
            return
        if self.state is State.HALF_OPEN:
            self._opened = 0
            self._in_trials = 0
            self._failing.clear()
            self._become(State.CLOSED)
        else:
            self._note(now, has_failed=False)

    def failed(self, permit: Permit, now: float, what: str | None = None) -> None:
        """`what` was tried; None: it was not even taken, so nothing but who is called can be the reason."""
        if permit.round != self._round:
            return
        if self.state is State.HALF_OPEN:
            self._trying -= 1
            self._blame(what)
            if not self._trying:
                self._open(now)
        else:
            self._note(now, has_failed=True)
            failures = sum(has_failed for _, has_failed in self._calls)
            if failures >= self.policy.least and failures >= self.policy.failing * len(self._calls):
                self._open(now)

    def fails_alone(self, what: str) -> bool:
        """Since anything succeeded, enough trials have failed, and with nothing else: it may be no fault of theirs."""
        return self._in_trials >= self.policy.alone and self._failing == {what}

    def given_back(self, permit: Permit) -> None:
        """The call was not made, or says nothing of who is called."""
        if permit.round == self._round and permit.kind == "trial":
            self._trying -= 1

    def open_for_s(self, now: float) -> float:
        """Seconds until it is tried again; 0 unless it is open."""
        return max(0.0, self._until - now) if self.state is State.OPEN else 0.0

    def _blame(self, what: str | None) -> None:
        if what is None:
            return
        self._in_trials += 1
        if len(self._failing) < 2:
            self._failing.add(what)

    def _note(self, now: float, *, has_failed: bool) -> None:
        self._calls.append((now, has_failed))
        while self._calls[0][0] < now - self.policy.window_s:
            self._calls.popleft()

    def _open(self, now: float) -> None:
        self._until = now + min(self.policy.longest_s, self.policy.open_s * 2 ** min(self._opened, 30))
        self._opened += 1
        self._become(State.OPEN)

    def _become(self, state: State) -> None:
        self.state = state
        self._round += 1
        self._trying = 0
        self._calls.clear()
