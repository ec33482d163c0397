"""Somebody types: the other members of the conversation see it for 5 seconds, or not at all."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from libs.common import frames
from services.presence.domain.rates import Bucket

if TYPE_CHECKING:
    from services.presence.store.hints import Hints

AT_ONCE = 10
PER_S = 2.0  # a client says it every few seconds; a group has up to 255 others
TYPISTS = 10_000  # remembered

Membership = Callable[[str, str], Awaitable[tuple[str, ...]]]
"""(username, conversation_id) → the members; raises `Problem` 404, or `Retry`."""


class Typing:
    """Bounded per user, however many connections they have here; what is beyond that is dropped without a word."""

    def __init__(self, membership: Membership, hints: "Hints") -> None:
        self._membership = membership
        self._hints = hints
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def may(self, username: str) -> bool:
        at = time.monotonic()
        bucket = self._buckets.get(username)
        if bucket is None:
            bucket = self._buckets[username] = Bucket.full(AT_ONCE, PER_S, at)
        self._buckets.move_to_end(username)
        while len(self._buckets) > TYPISTS:
            self._buckets.popitem(last=False)
        return bucket.take(at)

    async def tell(self, username: str, conversation_id: str) -> None:
        """To the others. Raises `Problem` 404, or `Retry`."""
        members = await self._membership(username, conversation_id)
        frame = frames.encode(frames.TypingHint(conversation_id, username))
        await self._hints.send([name for name in members if name != username], frame)
