"""What a process accepted in the last minutes: enough to tell a retry from a conflict."""

import time
from typing import NamedTuple

from libs.common.errors import Problem

RECENT_IDS = 50_000
RECENT_S = 300.0


def conflict() -> Problem:
    return Problem(409, "message_id_conflict", "This message_id was used for another message.")


class _Recent(NamedTuple):
    fingerprint: str
    sender: str


class RecentIds:
    """What this process accepted in the last minutes, and from whom: a bounded courtesy, the router decides.

    In two halves, the older of which is forgotten whole: of `size`, half are known at least. An entry is a string of
    bytes, its end (4 of them, in seconds) before the rest: half the memory that an object with fields takes.
    """

    def __init__(self, size: int = RECENT_IDS, lifetime_s: float = RECENT_S) -> None:
        self._half = size // 2
        self._lifetime_s = lifetime_s
        self._newer: dict[str, bytes] = {}
        self._older: dict[str, bytes] = {}

    def check(self, message_id: str, fingerprint: str) -> None:
        """Raises `Problem` 409 where the id was accepted with other content."""
        known = self._get(message_id)
        if known and known.fingerprint != fingerprint:
            raise conflict()

    def is_repeat(self, message_id: str, fingerprint: str) -> bool:
        """True where the id was accepted with this very content."""
        known = self._get(message_id)
        return known is not None and known.fingerprint == fingerprint

    def remember(self, message_id: str, fingerprint: str, sender: str) -> None:
        if len(self._newer) >= self._half:
            self._newer, self._older = {}, self._newer
        until = int(time.monotonic() + self._lifetime_s).to_bytes(4, "big")
        self._newer[message_id] = until + f"{fingerprint} {sender}".encode()

    def has(self, message_id: str, sender: str) -> bool:
        known = self._get(message_id)
        return known is not None and known.sender == sender

    def _get(self, message_id: str) -> _Recent | None:
        known = self._newer.get(message_id) or self._older.get(message_id)
        if known is None or int.from_bytes(known[:4], "big") <= time.monotonic():
            return None
        return _Recent(*known[4:].decode().split(" ", 1))
