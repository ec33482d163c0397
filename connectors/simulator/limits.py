"""How often a bot may send: a chat, a group and the bot itself each have a rate and a burst."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field

import msgspec

from connectors.capabilities import Channel

MOST_KEYS = 20_000
SHORT_BURST = 3  # "short bursts" pass, and the platform says no number


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Messages: `chat` a second with bursts of `chat_burst`, `bot` a second, `group` a minute."""

    chat: float
    bot: float
    group: float
    chat_burst: int = SHORT_BURST
    enabled: bool = True


def rates_of(channel: Channel) -> Rates:
    """What the registry says of the platform."""
    each = {throttle.scope: throttle for throttle in channel.throttles}
    chat, bot, group = each["address"], each["account"], each["group"]
    return Rates(
        chat=chat.count / chat.per_s,
        bot=bot.count / bot.per_s,
        group=60 * group.count / group.per_s,
        chat_burst=chat.burst or SHORT_BURST,
    )


@dataclass
class FloodLimits:
    """Each key remembers the time at which it would be idle again: one number instead of a list of sends."""

    rates: Rates
    _idle_at: dict[Hashable, float] = field(default_factory=dict)

    def take(self, bot: int, chat: int, now: float) -> int:
        """0, or the seconds to wait; what has to wait takes nothing."""
        if not self.rates.enabled:
            return 0
        buckets = self._buckets(bot, chat)
        waits = [self._wait(key, every, burst, now) for key, every, burst in buckets]
        if max(waits) > 0:
            return math.ceil(max(waits))
        for key, every, _ in buckets:
            self._idle_at[key] = max(now, self._idle_at.get(key, now)) + every
        self._forget(now)
        return 0

    def _buckets(self, bot: int, chat: int) -> list[tuple[Hashable, float, float]]:
        rates = self.rates
        own = [((bot,), 1 / rates.bot, max(1.0, rates.bot))]
        if chat < 0:
            return [*own, ((bot, chat), 60 / rates.group, max(1.0, rates.group))]
        return [*own, ((bot, chat), 1 / rates.chat, float(rates.chat_burst))]

    def _wait(self, key: Hashable, every: float, burst: float, now: float) -> float:
        backlog = max(0.0, self._idle_at.get(key, now) - now)
        wait = backlog - (burst - 1) * every
        return wait if wait > 1e-9 else 0.0

    def _forget(self, now: float) -> None:
        if len(self._idle_at) > MOST_KEYS:
            self._idle_at = {key: at for key, at in self._idle_at.items() if at > now}
