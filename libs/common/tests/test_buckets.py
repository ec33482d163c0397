"""Token buckets: whoever asks, and however they lease, no more is given in all than the rate allows."""

import asyncio
import secrets
import time

from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from conftest import Stack
from libs.common import redis
from libs.common.buckets import Bucket, Buckets


def named(count: int, per_s: float = 1.0, burst: int = 1, lease: int = 1) -> Bucket:
    return Bucket(f"{{t}}:{secrets.token_hex(8)}", count, per_s, burst, lease)


async def test_a_burst_goes_at_once_and_then_one_waits(cache: Redis) -> None:
    buckets, bucket = Buckets(cache), named(1, per_s=60, burst=3)
    assert [await buckets.take([bucket]) for _ in range(3)] == [0, 0, 0]
    assert 30 < await buckets.take([bucket]) <= 60


async def test_who_waits_as_told_gets_one(cache: Redis) -> None:
    buckets, bucket = Buckets(cache), named(20)
    await buckets.take([bucket])
    wait_s = await buckets.take([bucket])
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        await asyncio.sleep(end - time.monotonic())
    assert await buckets.take([bucket]) == 0


async def test_where_one_of_two_has_none_nothing_is_taken_of_the_other(cache: Redis) -> None:
    buckets, account, address = Buckets(cache), named(1, per_s=60, burst=2), named(1, per_s=60)
    assert await buckets.take([account, address]) == 0
    assert await buckets.take([account, address]) > 0
    assert await buckets.take([account]) == 0


async def test_a_lease_is_used_up_before_redis_is_asked_again(cache: Redis) -> None:
    now = [0.0]
    buckets, bucket = Buckets(cache, lambda: now[0]), named(1, per_s=60, burst=6, lease=3)
    assert await buckets.take([bucket]) == 0
    others = Buckets(cache)
    single = bucket._replace(lease=1)
    assert [await others.take([single]) > 0 for _ in range(4)] == [False, False, False, True]
    assert [await buckets.take([bucket]) > 0 for _ in range(3)] == [False, False, True]


async def test_what_was_leased_and_not_used_in_time_is_lost(cache: Redis) -> None:
    now = [0.0]
    buckets, bucket = Buckets(cache, lambda: now[0]), named(1, per_s=60, burst=3, lease=3)
    assert await buckets.take([bucket]) == 0
    now[0] = 10
    assert await buckets.take([bucket]) > 0


@settings(max_examples=15)
@given(workers=st.integers(1, 5), burst=st.integers(1, 12), lease=st.integers(1, 6), asks=st.integers(1, 12))
def test_all_workers_together_never_get_more_than_the_burst(
    stack: Stack, workers: int, burst: int, lease: int, asks: int
) -> None:
    """At a rate at which no token comes during the test."""

    async def takes() -> int:
        async with redis.connect(stack.redis) as cache:
            bucket = named(1, per_s=3600, burst=burst, lease=lease)
            all_of_them = [Buckets(cache) for _ in range(workers)]
            waits = await asyncio.gather(*(each.take([bucket]) for each in all_of_them for _ in range(asks)))
            return sum(wait == 0 for wait in waits)

    granted = asyncio.run(takes())
    assert granted <= burst
    assert granted >= min(burst, workers * asks) if lease == 1 else granted >= 1
