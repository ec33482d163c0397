"""The feeds of users in Redis: made and read here."""

import secrets
from typing import NamedTuple

from redis.asyncio import Redis

from libs.common.feed import LIFETIME_S, Packed, epoch_key, feed_key, unpack
from libs.common.redis import answering
from services.presence.domain.progress import Feed

PAGE = 200

# KEYS: feed, epoch. ARGV: random, lifetime. → epoch, first, last
_OPEN = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local epoch = redis.call('GET', KEYS[2])
if not epoch or string.sub(epoch, 1, #run) ~= run or redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[1])
  redis.call('XGROUP', 'CREATE', KEYS[1], 'x', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[1], 'x')
  epoch = run .. '-' .. ARGV[1]
  redis.call('SET', KEYS[2], epoch)
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
local info, last = redis.call('XINFO', 'STREAM', KEYS[1]), 0
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then last = tonumber(string.sub(info[i + 1], 3)) end
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local first = last + 1
if oldest then first = tonumber(string.sub(oldest[1], 3)) end
return {epoch, first, last}
"""

# KEYS: feed, epoch. ARGV: after, count. → epoch, entries
_READ = """
return {redis.call('GET', KEYS[2]), redis.call('XRANGE', KEYS[1], '(0-' .. ARGV[1], '+', 'COUNT', ARGV[2])}
"""


class Entry(NamedTuple):
    offset: int
    packed: Packed


class Feeds:
    def __init__(self, client: Redis) -> None:
        self._open = client.register_script(_OPEN)
        self._read = client.register_script(_READ)

    async def open(self, username: str) -> Feed:
        """Makes the feed if there is none that this run of Redis has kept whole, and extends its life."""
        with answering():
            epoch, first, last = await self._open(keys=_keys(username), args=[secrets.token_hex(8), LIFETIME_S])
        return Feed(epoch.decode(), first, last)

    async def read(self, username: str, after: int) -> tuple[str | None, list[Entry]]:
        """The epoch (None: the feed has gone) and the next entries after an offset."""
        with answering():
            epoch, entries = await self._read(keys=_keys(username), args=[after, PAGE])
        read = [Entry(int(id_[2:]), unpack(fields[1])) for id_, fields in entries]
        return (epoch.decode() if epoch else None), read


def _keys(username: str) -> list[str]:
    return [feed_key(username), epoch_key(username)]
