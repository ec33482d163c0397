"""Hints to people's devices: published beside the entries of their feeds, lossy, and never in the way of anything."""

import logging
from collections.abc import Sequence

from redis.asyncio import Redis

from libs.common.errors import Unavailable
from libs.common.feed import feed_key
from libs.common.redis import answering
from services.presence.handlers.devices import DROPPED

HINT = b"-"
"""Stands where an entry's announcement has its offset."""

BATCH = 200  # people of one script call: about 1 ms in which Redis serves nobody else
UNDER_WAY = 100  # of one node; what is more is dropped: a hint that comes late is of no use

log = logging.getLogger(__name__)

# ARGV: what is published, then the channels.
_PUBLISH = """
for i = 2, #ARGV do redis.call('PUBLISH', ARGV[i], ARGV[1]) end
"""


class Hints:
    """`client` should be one of its own: while Redis is slow, hints are not to take connections from feeds."""

    def __init__(self, client: Redis) -> None:
        self._publish = client.register_script(_PUBLISH)
        self._under_way = 0

    async def send(self, usernames: Sequence[str], frame: bytes) -> None:
        """To every device of these people, on all nodes; or to some or none of them."""
        if self._under_way >= UNDER_WAY:
            DROPPED.labels("queue").inc()
            return
        self._under_way += 1
        try:
            for start in range(0, len(usernames), BATCH):
                with answering():
                    await self._publish(args=[HINT + b" " + frame, *map(feed_key, usernames[start : start + BATCH])])
        except Unavailable as error:
            DROPPED.labels("unavailable").inc()
            log.warning("a hint is dropped: %s", error)
        finally:
            self._under_way -= 1
