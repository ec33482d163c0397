"""The etcd client, on a real etcd."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.common import etcd
from libs.common.clock import new_id
from libs.common.errors import Unavailable


@pytest.fixture
async def registry(etcd_endpoint: str) -> AsyncIterator[etcd.Etcd]:
    async with etcd.connect(etcd_endpoint) as registry:
        yield registry


@pytest.fixture
def key() -> str:
    return f"/test/{new_id()}"


async def test_what_was_put_is_read(registry: etcd.Etcd, key: str) -> None:
    await registry.put(key, b"one")
    await registry.put(key, b"two\0\xff")
    assert await registry.get(key) == b"two\0\xff"


async def test_a_key_that_is_not_there_is_none(registry: etcd.Etcd, key: str) -> None:
    await registry.put(key + "/below", b"another")
    assert await registry.get(key) is None


async def test_an_empty_value_is_a_value(registry: etcd.Etcd, key: str) -> None:
    await registry.put(key, b"")
    assert await registry.get(key) == b""


async def test_a_key_is_created_once(registry: etcd.Etcd, key: str) -> None:
    assert await registry.create(key, b"first")
    assert not await registry.create(key, b"second")
    assert await registry.get(key) == b"first"


async def test_of_many_creators_at_once_one_wins(registry: etcd.Etcd, key: str) -> None:
    wins = await asyncio.gather(*(registry.create(key, b"%d" % n) for n in range(50)))
    assert wins.count(True) == 1
    assert await registry.get(key) == b"%d" % wins.index(True)


async def test_a_key_ends_with_its_lease(registry: etcd.Etcd, key: str) -> None:
    await registry.put(key, b"for a while", await registry.grant_lease(1))
    assert await registry.get(key) == b"for a while"
    async with asyncio.timeout(15):
        while await registry.get(key) is not None:
            await asyncio.sleep(0.1)


async def test_ready_while_etcd_answers(registry: etcd.Etcd) -> None:
    await registry.check()


async def test_where_nobody_listens_etcd_is_unavailable() -> None:
    async with etcd.connect("127.0.0.1:1") as registry:
        with pytest.raises(Unavailable, match="etcd"):
            await registry.get("/a")


async def test_a_server_that_keeps_silent_is_unavailable_at_the_deadline() -> None:
    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    endpoint = f"127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    async with silent, etcd.connect(endpoint, deadline_s=0.3) as registry, asyncio.timeout(3):
        with pytest.raises(Unavailable):
            await registry.create("/a", b"")
