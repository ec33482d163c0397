"""How long somebody who has failed to log in must wait: growing, bounded, forgotten in time."""

import ipaddress
from dataclasses import dataclass
from math import exp2

HALF_LIFE_S = 3600.0
CLEAN = 0.5
ROUNDING = 0.5  # the fifth failure is the fifth, though the first has faded a little


@dataclass(frozen=True, slots=True)
class Limit:
    """Up to `free` failures nobody waits; then a second, twice as long after each `doubling` more, at most `cap_s`.

    Attempts under way count as failures where there was one; past `free` only `at_once` of them may be under way.
    """

    free: int
    doubling: int
    cap_s: float
    at_once: int


OF_PAIR = Limit(free=5, doubling=1, cap_s=300, at_once=1)  # of one user from one address
OF_ADDRESS = Limit(free=100, doubling=10, cap_s=5, at_once=4)  # all users from it: an office may sit behind one
OF_USER = Limit(free=50, doubling=10, cap_s=30, at_once=4)  # from all addresses that are new to them


@dataclass(frozen=True, slots=True)
class Tally:
    """`failures` as they counted at `failed_at`, in seconds of a clock that never goes back."""

    failures: float = 0.0
    failed_at: float = 0.0
    under_way: int = 0

    def score(self, at: float) -> float:
        """Half of what was there an hour ago."""
        return self.failures * exp2((self.failed_at - at) / HALF_LIFE_S)


def after_failure(tally: Tally, at: float) -> Tally:
    return Tally(tally.score(at) + 1, at, tally.under_way)


def wait_s(tally: Tally, limit: Limit, at: float) -> float:
    """0: try now."""
    score = tally.score(at)
    over = score + tally.under_way - limit.free
    if score < CLEAN or over < -ROUNDING:
        return 0.0
    left_s = tally.failed_at + pause_s(over, limit) - at
    return max(left_s, 1.0 if tally.under_way >= limit.at_once else 0.0)


def first_wait_s(tally: Tally, limit: Limit, at: float) -> float:
    """Of an address that is new to a user: from now on, whenever others failed last."""
    over = tally.score(at) - limit.free
    return pause_s(over, limit) if over >= -ROUNDING else 0.0


def pause_s(over: float, limit: Limit) -> float:
    """After so many failures too many."""
    return min(limit.cap_s, exp2(max(0.0, min(over, 1_000.0)) / limit.doubling))


def network(address: str) -> str:
    """Whom an address stands for: who has one of IPv6 has the 2^64 around it. Other words stand for themselves."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if ip.version == 4:
        return str(ip)
    mapped = ip.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((int(ip), 64), strict=False).network_address)
