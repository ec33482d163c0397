"""Who may call at the same time: endpoints that fail, or answer slowly, have places of their own."""

import asyncio
from dataclasses import dataclass, field

HEALTHY, FAILING = 200, 50
"""Calls of all endpoints at the same time."""
SLOW_S = 2.0
MOST_SLOW = 10_000  # endpoints that are remembered


@dataclass
class Places:
    """Whoever is slow and succeeds would else keep every place from the others, as easily as the dead."""

    healthy: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HEALTHY))
    failing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FAILING))
    _slow: set[str] = field(default_factory=set)

    def of(self, webhook_id: str, *, is_failing: bool) -> asyncio.Semaphore:
        return self.failing if is_failing or webhook_id in self._slow else self.healthy

    def note(self, webhook_id: str, took_s: float) -> None:
        """What its last call took decides about the next."""
        if took_s < SLOW_S:
            self._slow.discard(webhook_id)
        elif len(self._slow) < MOST_SLOW:
            self._slow.add(webhook_id)
