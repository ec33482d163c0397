"""A feed is written only where it exists, with dense offsets, and each entry is announced with its own."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from libs.common import redis
from libs.common.feed import BATCH, MAX_ENTRIES, Entry, FeedWriter, feed_key, pack, render, unpack


@pytest.fixture
async def username(cache: Redis) -> AsyncIterator[str]:
    name = f"bo-{secrets.token_hex(4)}"
    yield name
    await cache.delete(feed_key(name))


async def connect(cache: Redis, username: str) -> None:
    await cache.xgroup_create(feed_key(username), "x", mkstream=True)


def entries(username: str, count: int) -> list[Entry]:
    return [Entry(username, pack("message", b'{"n":%d}' % n, "c1", n)) for n in range(1, count + 1)]


async def test_nothing_is_written_where_no_feed_is(cache: Redis, username: str) -> None:
    await FeedWriter(cache).append(entries(username, 3))
    assert await cache.exists(feed_key(username)) == 0


async def test_offsets_are_dense_in_the_order_given(cache: Redis, username: str) -> None:
    await connect(cache, username)
    await FeedWriter(cache).append(entries(username, BATCH + 50))
    stream = await cache.xrange(feed_key(username))
    assert [id_ for id_, _ in stream or []] == [b"0-%d" % n for n in range(1, BATCH + 51)]


async def test_each_entry_is_announced_with_its_offset(cache: Redis, username: str) -> None:
    await connect(cache, username)
    sent = entries(username, 2)
    async with cache.pubsub() as listener, asyncio.timeout(10):
        await listener.subscribe(feed_key(username))
        await listener.get_message(timeout=5)
        await FeedWriter(cache).append(sent)
        heard = [await listener.get_message(timeout=5) for _ in sent]
    assert [m["data"] for m in heard if m] == [b"1 " + sent[0].frame, b"2 " + sent[1].frame]


async def test_each_of_many_has_offsets_of_its_own_and_frames_are_shared(cache: Redis, username: str) -> None:
    """Two members and one who is away, over more entries than one call takes."""
    other, away = f"{username}-2", f"{username}-3"
    for name in (username, other):
        await connect(cache, name)
    sent = entries(username, BATCH)
    await FeedWriter(cache).append([Entry(name, e.frame) for e in sent for name in (username, away, other)])
    expected = [(b"0-%d" % n, {b"f": e.frame}) for n, e in enumerate(sent, 1)]
    assert await cache.xrange(feed_key(username)) == await cache.xrange(feed_key(other)) == expected
    assert await cache.exists(feed_key(away)) == 0
    await cache.delete(feed_key(other))


async def test_nothing_to_append_asks_nobody() -> None:
    async with redis.connect("redis://127.0.0.1:1/0") as nobody:
        await FeedWriter(nobody).append([])


async def test_a_feed_is_bounded(cache: Redis, username: str) -> None:
    await connect(cache, username)
    await FeedWriter(cache).append(entries(username, 2 * MAX_ENTRIES))
    assert MAX_ENTRIES <= await cache.xlen(feed_key(username)) < 1.2 * MAX_ENTRIES


async def test_scripts_are_loaded_again_after_redis_forgot_them(cache: Redis, username: str) -> None:
    await connect(cache, username)
    writer = FeedWriter(cache)
    await writer.append(entries(username, 1))
    await cache.script_flush()
    await writer.append(entries(username, 1))
    assert await cache.xlen(feed_key(username)) == 2


@given(
    st.sampled_from(["message", "receipt", "error"]),
    st.integers(0, 2**63),
    st.binary(),
    st.sampled_from(["", f"00-{'a' * 32}-{'b' * 16}-01"]),
)
def test_an_entry_is_read_as_it_was_packed(kind: str, number: int, body: bytes, trace: str) -> None:
    assert unpack(pack(kind, body, "c1", number, trace)) == (kind, "c1", number, body, trace)


def test_an_entry_without_a_recorded_trace_is_what_it_always_was() -> None:
    assert pack("message", b"{}", "c1", 7) == b"message c1 7\n{}"


@given(st.integers(1) | st.none(), st.dictionaries(st.text(), st.integers(), min_size=1))
def test_a_frame_is_the_body_with_type_and_offset(offset: int | None, body: dict[str, int]) -> None:
    said = {k: v for k, v in body.items() if k not in ("type", "offset")} | {"x": 1}
    frame = json.loads(render("message", offset, json.dumps(said).encode()))
    assert frame == {"type": "message", "offset": offset, **said}
