"""Slows down who guesses passwords, by user and by address, and never for good; in this process' memory, bounded."""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from libs.common.errors import Problem
from services.auth.domain.accounts import is_username
from services.auth.domain.guessing import (
    CLEAN,
    OF_ADDRESS,
    OF_PAIR,
    OF_USER,
    Tally,
    after_failure,
    first_wait_s,
    network,
    wait_s,
)

# A first wait of 30 s must not be forgotten before it is over, and a process refuses some 1,500 log-ins a second.
REMEMBERED = 50_000

K = TypeVar("K")
V = TypeVar("V")
Pair = tuple[str, str]


class Recent(Generic[K, V]):
    """A table of the newest so many entries."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K, default: V) -> V:
        return self._entries.get(key, default)

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._bound:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        self._entries.pop(key, None)


@dataclass
class Attempt:
    is_right: bool = False


class Guard:
    """Counts failures of a user from an address (a pair), of an address, and of a user.

    A pair waits for its own failures. A user whom many addresses guess at makes a *new* address wait once before it
    tries, and an address from which many users fail makes them wait; neither holds for a pair that has logged in.
    """

    def __init__(self, clock: Callable[[], float], remembered: int = REMEMBERED) -> None:
        """`clock` in seconds, never going back."""
        self._clock = clock
        self._pairs: Recent[Pair, Tally] = Recent(remembered)
        self._addresses: Recent[str, Tally] = Recent(remembered)
        self._users: Recent[str, Tally] = Recent(remembered)
        self._not_before: Recent[Pair, float] = Recent(remembered)
        self._trusted: Recent[Pair, bool] = Recent(remembered)

    @contextmanager
    def attempt(self, username: str, address: str) -> Iterator[Attempt]:
        """Raises `Problem` 429. Wrong unless the caller says that it was right; one that ends by an exception was none.

        All that can be no username is counted as one."""
        pair = (username if is_username(username) else "", network(address))
        self._refuse_early(pair)
        attempt = Attempt()
        self._under_way(pair, 1)
        try:
            yield attempt
            if attempt.is_right:
                self._succeeded(pair)
            else:
                self._failed(pair)
        finally:
            self._under_way(pair, -1)

    def _refuse_early(self, pair: Pair) -> None:
        at = self._clock()
        left_s = wait_s(self._pairs.get(pair, Tally()), OF_PAIR, at)
        if pair not in self._trusted:
            of_address = wait_s(self._addresses.get(pair[1], Tally()), OF_ADDRESS, at)
            left_s = max(left_s, of_address, self._first_wait_s(pair, at))
        if left_s > 0:
            words = "Too many attempts to log in have failed; wait before the next."
            raise Problem(429, "too_many_attempts", words, retry_after_s=math.ceil(left_s))

    def _first_wait_s(self, pair: Pair, at: float) -> float:
        """Each new address waits from its own first attempt on: so nobody can use up the turns of the others."""
        if pair in self._pairs:
            return 0.0
        if pair not in self._not_before:
            wanted_s = first_wait_s(self._users.get(pair[0], Tally()), OF_USER, at)
            if not wanted_s:
                return 0.0
            self._not_before.put(pair, at + wanted_s)
        return max(0.0, self._not_before.get(pair, at) - at)

    def _succeeded(self, pair: Pair) -> None:
        self._trusted.put(pair, True)
        self._pairs.put(pair, replace(self._pairs.get(pair, Tally()), failures=0.0))

    def _failed(self, pair: Pair) -> None:
        at = self._clock()
        tally = after_failure(self._pairs.get(pair, Tally()), at)
        self._pairs.put(pair, tally)
        self._not_before.drop(pair)
        if pair in self._trusted:
            return
        username, address = pair
        self._addresses.put(address, after_failure(self._addresses.get(address, Tally()), at))
        if tally.failures <= OF_PAIR.free:  # what a pair does beyond is held back already, and concerns nobody else
            self._users.put(username, after_failure(self._users.get(username, Tally()), at))

    def _under_way(self, pair: Pair, more: int) -> None:
        at = self._clock()
        _count(self._pairs, pair, more, at)
        _count(self._addresses, pair[1], more, at)


def _count(table: Recent[K, Tally], key: K, more: int, at: float) -> None:
    """Forgets what says nothing."""
    tally = table.get(key, Tally())
    tally = replace(tally, under_way=max(0, tally.under_way + more))
    if tally.under_way or tally.score(at) >= CLEAN:
        table.put(key, tally)
    else:
        table.drop(key)
