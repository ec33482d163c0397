"""How often a number may send: so many messages a second in all, and one to a person every few seconds, in bursts."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from connectors.capabilities import Channel

MOST_KEYS = 20_000
Wrong = Literal["throughput", "pair"]


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Messages: `number` a second; to one person one in `pair_s` seconds, `pair_burst` at once.

    `window_by`: how a closed window is told. The platform takes the message, and a status says that it failed.
    """

    number: float
    pair_s: float
    pair_burst: int
    enabled: bool = True
    window_by: Literal["status", "answer"] = "status"


def rates_of(channel: Channel) -> Rates:
    """What the registry says of the platform."""
    each = {throttle.scope: throttle for throttle in channel.throttles}
    account, pair = each["account"], each["address"]
    return Rates(account.count / account.per_s, pair.per_s / pair.count, pair.burst or 1)


@dataclass
class Limits:
    """Each key remembers the time at which it would be idle again."""

    rates: Rates
    _idle_at: dict[Hashable, float] = field(default_factory=dict)

    def take(self, account: str, person: str, now: float) -> Wrong | None:
        """Which limit it would break; that takes nothing."""
        rates = self.rates
        if not rates.enabled:
            return None
        if self._is_full((account, person), rates.pair_s, rates.pair_burst, now):
            return "pair"
        if self._is_full((account,), 1 / rates.number, max(1.0, rates.number), now):
            return "throughput"
        for key, every in (((account, person), rates.pair_s), ((account,), 1 / rates.number)):
            self._idle_at[key] = max(now, self._idle_at.get(key, now)) + every
        if len(self._idle_at) > MOST_KEYS:
            self._idle_at = {key: at for key, at in self._idle_at.items() if at > now}
        return None

    def _is_full(self, key: Hashable, every: float, burst: float, now: float) -> bool:
        return max(0.0, self._idle_at.get(key, now) - now) > (burst - 1) * every + 1e-9
