"""What routers say of their accounts, and which breakers are open by it."""

import json
import secrets
import time

from redis.asyncio import Redis

from libs.common.board import BOARD, read_board, read_open_breakers


async def test_a_breaker_is_open_where_some_router_says_so(cache: Redis) -> None:
    prefix = f"test-{secrets.token_hex(6)}."
    assert await read_open_breakers(cache, prefix) == set()
    for router, breaker in (("a", "closed"), ("b", "open"), ("gone", None)):
        if breaker:
            said = [{"channel": "telegram", "account": "main", "breaker": breaker, "lanes": 3}]
            await cache.set(f"{prefix}{BOARD}:{router}", json.dumps(said), ex=60)
        await cache.zadd(prefix + BOARD, {router: time.time()})
    assert len(await read_board(cache, prefix)) == 2
    assert await read_open_breakers(cache, prefix) == {("telegram", "main")}
    await cache.delete(prefix + BOARD)
