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
from libs.common.feed import (
    BATCH,
    LIFETIME_S,
    MAX_ENTRIES,
    Entry,
    FeedWriter,
    Standing,
    feed_key,
    mark_key,
    pack,
    render,
    unpack,
)


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


async def test_how_something_stands_is_never_told_after_a_later_state_of_it(cache: Redis, username: str) -> None:
    """Who read an earlier state may come to write it when a later one is told; a repeat is none."""
    await connect(cache, username)
    writer = FeedWriter(cache)
    for about, version in [("d1", 2), ("d1", 3), ("d1", 2), ("d2", 2), ("d1", 3), ("d1", 4)]:
        frame = pack("status", b'{"of":"%s","n":%d}' % (about.encode(), version))
        await writer.append_newest([Standing(username, frame, about, version)])
    stream: list[tuple[bytes, dict[bytes, bytes]]] = await cache.xrange(feed_key(username))  # type: ignore[assignment]
    told = [json.loads(unpack(fields[b"f"]).body) for _, fields in stream]
    assert [(t["of"], t["n"]) for t in told] == [("d1", 2), ("d1", 3), ("d2", 2), ("d1", 3), ("d1", 4)]
    assert 0 < await cache.ttl(mark_key(username, "d1")) <= LIFETIME_S
    await cache.delete(mark_key(username, "d1"), mark_key(username, "d2"))


async def test_how_something_stands_is_announced_and_written_only_where_a_feed_is(cache: Redis, username: str) -> None:
    one = Standing(username, pack("status", b'{"n":1}'), "d1", 2)
    await FeedWriter(cache).append_newest([one])
    assert await cache.exists(feed_key(username), mark_key(username, "d1")) == 0
    await connect(cache, username)
    async with cache.pubsub() as listener, asyncio.timeout(60):
        await listener.subscribe(feed_key(username))
        await listener.get_message(timeout=60)
        await FeedWriter(cache).append_newest([one])
        heard = await listener.get_message(timeout=60)
    assert heard
    assert heard["data"] == b"1 " + one.frame
    await cache.delete(mark_key(username, "d1"))


async def test_each_entry_is_announced_with_its_offset(cache: Redis, username: str) -> None:
    await connect(cache, username)
    sent = entries(username, 2)
    async with cache.pubsub() as listener, asyncio.timeout(60):
        await listener.subscribe(feed_key(username))
        await listener.get_message(timeout=60)
        await FeedWriter(cache).append(sent)
        heard = [await listener.get_message(timeout=60) for _ in sent]
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
