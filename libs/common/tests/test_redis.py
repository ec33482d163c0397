"""What Redis says in earnest: "not now" is waited for, "never like this" is told at once."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from libs.common import redis
from libs.common.errors import Unavailable
from libs.common.feed import Entry, FeedWriter, feed_key, pack


@pytest.fixture
async def username(cache: Redis) -> AsyncIterator[str]:
    """Somebody with a feed."""
    name = f"bo-{secrets.token_hex(4)}"
    await cache.xgroup_create(feed_key(name), "x", mkstream=True)
    yield name
    await cache.delete(feed_key(name))


@asynccontextmanager
async def configured(cache: Redis, name: str, value: str) -> AsyncIterator[None]:
    """The server is everybody's: it has this for as long as the block, and no longer."""
    before: Any = await cache.config_get(name)
    await cache.config_set(name, value)
    try:
        yield
    finally:
        await cache.config_set(name, before[name])


async def append(cache: Redis, username: str) -> None:
    await FeedWriter(cache).append([Entry(username, pack("message", b'{"n":1}'))])


@pytest.mark.parametrize(
    ("name", "value"), [("maxmemory", "1"), ("min-replicas-to-write", "1")], ids=["full", "without replicas"]
)
async def test_a_server_that_takes_no_writes_is_waited_for(cache: Redis, username: str, name: str, value: str) -> None:
    async with configured(cache, name, value):
        with pytest.raises(Unavailable):
            await append(cache, username)
    await append(cache, username)
    assert await cache.xlen(feed_key(username)) == 1


async def test_a_cut_connection_is_made_anew(cache: Redis, username: str) -> None:
    await append(cache, username)
    await cache.client_kill_filter(_type="normal", skipme=False)
    await append(cache, username)
    assert await cache.xlen(feed_key(username)) == 2


async def test_where_nobody_listens_is_said_at_once() -> None:
    async with redis.connect("redis://127.0.0.1:1/0") as nobody, asyncio.timeout(20):
        with pytest.raises(Unavailable):
            await append(nobody, "bo")
        with pytest.raises(Unavailable):
            await redis.check(nobody)


async def test_a_command_that_is_wrong_passes_through(cache: Redis, username: str) -> None:
    with pytest.raises(ResponseError), redis.answering():
        await cache.incr(feed_key(username))
