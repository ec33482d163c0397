"""How often an account may send: texts and files each have a rate, and as much at once as in a second."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from connectors.capabilities import Channel

Of = Literal["text", "media"]


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Messages a second."""

    text: float
    media: float
    enabled: bool = True


def rates_of(channel: Channel) -> Rates:
    """What the registry says of the platform."""
    found = {throttle.of: throttle.count / throttle.per_s for throttle in channel.throttles}
    return Rates(found["text"], found["media"])


@dataclass
class Limits:
    """Each account remembers the time at which it would be idle again."""

    rates: Rates
    _idle_at: dict[tuple[str, Of], float] = field(default_factory=dict)

    def take(self, account: str, of: Of, now: float) -> bool:
        """False where it has to wait, which takes nothing."""
        if not self.rates.enabled:
            return True
        rate = self.rates.text if of == "text" else self.rates.media
        idle_at = max(now, self._idle_at.get((account, of), now))
        if idle_at - now > max(0.0, 1 - 1 / rate) + 1e-9:
            return False
        self._idle_at[account, of] = idle_at + 1 / rate
        return True
