"""How often something may be done, by all processes together: token buckets in Redis, leased in batches.

A bucket is one number: when it will be full again (the generic cell rate algorithm). Redis' own clock counts.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from redis.asyncio import Redis

from libs.common.redis import answering

LEASE_S = 0.5  # what is not used by then is lost, so that an idle process keeps nothing from the others

# KEYS: buckets. ARGV: for each microseconds per token, burst, tokens wanted. Answers 0 and what each gave, or the
# microseconds to wait: then nothing was taken.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local wait, full = 0, {}
for i, key in ipairs(KEYS) do
  local every, burst = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  full[i] = math.max(now, tonumber(redis.call('GET', key) or 0))
  wait = math.max(wait, full[i] + every - burst * every - now)
end
if wait > 0 then return {wait} end
local answer = {0}
for i, key in ipairs(KEYS) do
  local every, burst = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local free = math.floor((now + burst * every - full[i]) / every)
  local taken = math.max(1, math.min(free, tonumber(ARGV[3 * i])))
  local at = full[i] + taken * every
  redis.call('SET', key, string.format('%.0f', at), 'PX', math.ceil((at - now) / 1000) + 1000)
  answer[i + 1] = taken
end
return answer
"""


class Bucket(NamedTuple):
    """`tokens` in `per_s` seconds, at most `burst` at once; `lease` are taken together where there are as many.

    Keys that are asked for together share a hash tag.
    """

    key: str
    tokens: int
    per_s: float = 1.0
    burst: int = 1
    lease: int = 1


@dataclass
class Lease:
    tokens: int
    until: float


@dataclass
class Buckets:
    redis: Redis
    clock: Callable[[], float] = time.monotonic
    _leases: dict[str, Lease] = field(default_factory=dict)

    async def take(self, buckets: Sequence[Bucket]) -> float:
        """One token of each, or of none: 0, or the seconds after which to ask again. Raises `Unavailable`."""
        asked = [b for b in buckets if not self._reserve(b)]
        given = await self._ask(asked) if asked else [0]
        if given[0] > 0:
            for bucket in set(buckets) - set(asked):
                self._leases[bucket.key].tokens += 1
            return given[0] / 1e6
        for bucket, tokens in zip(asked, given[1:], strict=True):
            if bucket.lease > 1:
                self._leases[bucket.key] = Lease(self._left(bucket) + tokens - 1, self.clock() + LEASE_S)
        return 0.0

    async def _ask(self, buckets: Sequence[Bucket]) -> list[int]:
        said = [word for b in buckets for word in (round(b.per_s / b.tokens * 1e6), b.burst, b.lease)]
        with answering():
            answer: list[int] = await self.redis.eval(_TAKE, len(buckets), *[b.key for b in buckets], *said)
        return answer

    def _reserve(self, bucket: Bucket) -> bool:
        left = self._left(bucket)
        if left:
            self._leases[bucket.key].tokens -= 1
        return left > 0

    def _left(self, bucket: Bucket) -> int:
        lease = self._leases.get(bucket.key)
        return lease.tokens if lease and lease.until > self.clock() else 0
