"""What a process accepted in the last minutes: enough to tell a retry from a conflict."""

import time
from collections import OrderedDict
from typing import NamedTuple

from libs.common.errors import Problem

RECENT_IDS = 50_000
RECENT_S = 300.0


def conflict() -> Problem:
    return Problem(409, "message_id_conflict", "This message_id was used for another message.")


class _Recent(NamedTuple):
    until: float
    fingerprint: str
    sender: str


class RecentIds:
    """What this process accepted in the last minutes, and from whom: a bounded courtesy, the router decides."""

    def __init__(self, size: int = RECENT_IDS, lifetime_s: float = RECENT_S) -> None:
        self._size = size
        self._lifetime_s = lifetime_s
        self._known: OrderedDict[str, _Recent] = OrderedDict()

    def check(self, message_id: str, fingerprint: str) -> None:
        """Raises `Problem` 409 where the id was accepted with other content."""
        known = self._get(message_id)
        if known and known.fingerprint != fingerprint:
            raise conflict()

    def remember(self, message_id: str, fingerprint: str, sender: str) -> None:
        self._known[message_id] = _Recent(time.monotonic() + self._lifetime_s, fingerprint, sender)
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def has(self, message_id: str, sender: str) -> bool:
        known = self._get(message_id)
        return known is not None and known.sender == sender

    def _get(self, message_id: str) -> _Recent | None:
        known = self._known.get(message_id)
        return known if known and known.until > time.monotonic() else None
