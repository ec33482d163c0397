"""Who is online, in Redis and by its clock alone: each node promises a user until a deadline, and renews it.

All keys share a hash tag, so that each script is atomic. `until` orders users by their latest deadline, `seen` by their
last sign of life; what each node promised stands in a hash of the user's.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from redis.asyncio import Redis

from libs.common.redis import answering, check
from services.presence.domain.presence import Changes, Presence

BATCH = 200  # users of one script call: about 2 ms in which Redis serves nobody else
LIFETIME_S = 300
REMEMBERED_S = 30 * 24 * 3600

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# KEYS: until, seen, a hash of each user. ARGV: node, ms, lifetime, the users. → now, who was not online before
_PROMISE = (
    _NOW
    + """
local new = {}
for i = 3, #KEYS do
  local name = ARGV[i + 1]
  redis.call('HSET', KEYS[i], ARGV[1], now + ARGV[2])
  redis.call('EXPIRE', KEYS[i], ARGV[3])
  if redis.call('ZADD', KEYS[1], 'GT', now + ARGV[2], name) == 1 then new[#new + 1] = name end
  redis.call('ZADD', KEYS[2], now, name)
end
return {now, new}
"""
)

# The same arguments: this node promises no more than that; what others promise holds.
_RELEASE = (
    _NOW
    + """
for i = 3, #KEYS do
  local name, latest = ARGV[i + 1], now + ARGV[2]
  redis.call('HSET', KEYS[i], ARGV[1], latest)
  redis.call('EXPIRE', KEYS[i], ARGV[3])
  local promises = redis.call('HGETALL', KEYS[i])
  for j = 1, #promises, 2 do
    local deadline = tonumber(promises[j + 1])
    if deadline < now then redis.call('HDEL', KEYS[i], promises[j]) end
    if deadline > latest then latest = deadline end
  end
  redis.call('ZADD', KEYS[1], latest, name)
  redis.call('ZADD', KEYS[2], now, name)
end
"""
)

# KEYS: until, seen. ARGV: most users, ms for which one is remembered. → now, who goes offline, when each was seen
_SWEEP = (
    _NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2])
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
if #gone == 0 then return {now, gone, gone} end
redis.call('ZREM', KEYS[1], unpack(gone))
return {now, gone, redis.call('ZMSCORE', KEYS[2], unpack(gone))}
"""
)


class Presences:
    """`root` is what all keys begin with; it holds the hash tag."""

    def __init__(self, client: Redis, node: str, root: str = "presence:{presence}") -> None:
        self._client = client
        self._node = node
        self._root = root
        self._keys = [f"{root}:until", f"{root}:seen"]
        self._promise = client.register_script(_PROMISE)
        self._release = client.register_script(_RELEASE)
        self._sweep = client.register_script(_SWEEP)

    async def promise(self, usernames: Sequence[str], for_s: float) -> Changes:
        """At most `BATCH` users are here for so long at least; returns who came online by it."""
        with answering():
            now, new = await self._promise(*self._arguments(usernames, for_s))
        return Changes(_time(now), [Presence(name.decode(), "online", _time(now)) for name in new])

    async def release(self, usernames: Sequence[str], after_s: float) -> None:
        """At most `BATCH` users are here no more; where no other node has them they go offline after so long."""
        with answering():
            await self._release(*self._arguments(usernames, after_s))

    async def sweep(self) -> Changes:
        """At most `BATCH` users whose deadline has passed: taken offline, and told to this caller and no other."""
        with answering():
            now, gone, seen = await self._sweep(keys=self._keys, args=[BATCH, REMEMBERED_S * 1000])
        people = [Presence(name.decode(), "offline", _seen(at)) for name, at in zip(gone, seen, strict=True)]
        return Changes(_time(now), people)

    async def check(self) -> None:
        await check(self._client)

    async def look(self, usernames: Iterable[str]) -> list[Presence]:
        names = list(usernames)
        if not names:
            return []
        async with self._client.pipeline(transaction=True) as both:
            for key in self._keys:
                both.zmscore(key, names)
            with answering():
                until, seen = await both.execute()
        return [
            Presence(name, "offline" if deadline is None else "online", _seen(at))
            for name, deadline, at in zip(names, until, seen, strict=True)
        ]

    def _arguments(self, usernames: Sequence[str], time_s: float) -> tuple[list[str], list[str | int]]:
        keys = self._keys + [f"{self._root}:of:{name}" for name in usernames]
        return keys, [self._node, round(time_s * 1000), LIFETIME_S, *usernames]


def _seen(score: bytes | float | None) -> datetime | None:
    return None if score is None else _time(float(score))


def _time(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
