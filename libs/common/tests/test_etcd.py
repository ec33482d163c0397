"""The etcd client, on a real etcd."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from libs.common import etcd
from libs.common.clock import new_id
from libs.common.errors import Unavailable
from libs.common.tests.line import PATIENCE_S, line_to

A_WHILE_S = 8  # that a lease lasts: more than who is held up loses between two calls


@pytest.fixture
async def registry(etcd_endpoint: str) -> AsyncIterator[etcd.Etcd]:
    async with etcd.connect(etcd_endpoint, PATIENCE_S) as registry:
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
    await registry.put(key, b"for a while", await registry.grant_lease(A_WHILE_S))
    assert await registry.get(key) == b"for a while"
    async with asyncio.timeout(60):
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
    async with silent, etcd.connect(endpoint, deadline_s=0.3) as registry, asyncio.timeout(30):
        with pytest.raises(Unavailable):
            await registry.create("/a", b"")


class Mirror:
    """What a watcher knows."""

    def __init__(self) -> None:
        self.known: dict[str, bytes] = {}
        self.snapshots = 0

    def on_snapshot(self, found: Mapping[str, bytes]) -> None:
        self.known = dict(found)
        self.snapshots += 1

    def on_change(self, key: str, value: bytes | None) -> None:
        if value is None:
            self.known.pop(key, None)
        else:
            self.known[key] = value

    async def until(self, expected: dict[str, bytes]) -> None:
        async with asyncio.timeout(60):
            while self.known != expected:
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def watching(registry: etcd.Etcd, prefix: str) -> AsyncIterator[Mirror]:
    mirror = Mirror()
    task = asyncio.create_task(registry.watch(prefix, mirror.on_snapshot, mirror.on_change))
    try:
        yield mirror
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_transaction_writes_all_or_nothing(registry: etcd.Etcd, key: str) -> None:
    await registry.put(key, b"one")
    found = await registry.find(key)
    assert found
    writes = [etcd.Put(key, b"two"), etcd.Put(key + "/other", b"new")]
    assert not await registry.commit([etcd.Unchanged(key, found.revision), etcd.Unchanged(key + "/other", 7)], writes)
    assert await registry.list(key) == {key: b"one"}
    assert await registry.commit([etcd.Unchanged(key, found.revision), etcd.absent(key + "/other")], writes)
    assert not await registry.commit([etcd.Unchanged(key, found.revision)], [etcd.Delete(key)])
    assert await registry.list(key) == {key: b"two", key + "/other": b"new"}


async def test_a_deleted_key_is_gone(registry: etcd.Etcd, key: str) -> None:
    await registry.put(key, b"")
    assert await registry.delete(key)
    assert not await registry.delete(key)
    assert await registry.find(key) is None


async def test_keys_leave_with_their_lease(registry: etcd.Etcd, key: str) -> None:
    lease = await registry.grant_lease(600)
    assert await registry.create(key, b"", lease)
    await registry.revoke_lease(lease)
    assert await registry.get(key) is None
    await registry.revoke_lease(lease)


async def test_a_long_list_is_read_whole(registry: etcd.Etcd, key: str) -> None:
    expected = {f"{key}/{n:05}": b"%d" % n for n in range(etcd.PAGE + 5)}
    for start in range(0, len(expected), 100):
        part = list(expected.items())[start : start + 100]
        assert await registry.commit([], [etcd.Put(k, v) for k, v in part])
    assert await registry.list(key) == expected


async def test_of_many_keys_those_that_are_there_are_told(registry: etcd.Etcd, key: str) -> None:
    keys = [f"{key}/{n}" for n in range(300)]
    for there in (keys[0], keys[127], keys[128], keys[299]):
        await registry.put(there, b"")
    assert await registry.present(keys) == {keys[0], keys[127], keys[128], keys[299]}
    assert await registry.present([]) == set()


async def test_it_is_shown_how_far_a_watch_has_come(registry: etcd.Etcd, key: str) -> None:
    async with watching(registry, key):
        for text in (b"1", b"2"):
            await registry.put(key, text)
            found = await registry.find(key)
            assert found
            async with asyncio.timeout(60):
                while etcd.REVISION.labels(key)._value.get() < found.revision:
                    await asyncio.sleep(0.01)


async def test_a_watcher_learns_what_is_there_and_all_that_comes(registry: etcd.Etcd, key: str) -> None:
    await registry.put(f"{key}/a", b"1")
    async with watching(registry, key) as mirror:
        await mirror.until({f"{key}/a": b"1"})
        await registry.put(f"{key}/b", b"2", await registry.grant_lease(A_WHILE_S))
        await mirror.until({f"{key}/a": b"1", f"{key}/b": b"2"})
        await registry.delete(f"{key}/a")
        await registry.put("/test/elsewhere", b"")
        await mirror.until({})
    assert mirror.snapshots == 1


async def test_a_watcher_that_was_cut_off_misses_nothing(etcd_endpoint: str, key: str) -> None:
    async with line_to(_port(etcd_endpoint)) as (line, port), etcd.connect(etcd_endpoint) as registry:
        async with etcd.connect(f"127.0.0.1:{port}") as cut, watching(cut, key) as mirror:
            await registry.put(f"{key}/a", b"1")
            await mirror.until({f"{key}/a": b"1"})
            line.cut()
            await registry.delete(f"{key}/a")
            await registry.put(f"{key}/b", b"2")
            line.is_cut = False
            await mirror.until({f"{key}/b": b"2"})
        assert mirror.snapshots == 1


async def test_a_watcher_looks_again_at_all_where_etcd_has_forgotten_the_changes(etcd_endpoint: str, key: str) -> None:
    async with line_to(_port(etcd_endpoint)) as (line, port), etcd.connect(etcd_endpoint) as registry:
        async with etcd.connect(f"127.0.0.1:{port}") as cut, watching(cut, key) as mirror:
            await registry.put(f"{key}/a", b"1")
            await mirror.until({f"{key}/a": b"1"})
            line.cut()
            await registry.delete(f"{key}/a")
            await registry.put(f"{key}/b", b"2")
            await _compact(etcd_endpoint, registry, f"{key}/b")
            line.is_cut = False
            await mirror.until({f"{key}/b": b"2"})
        assert mirror.snapshots == 2


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])


async def _compact(endpoint: str, registry: etcd.Etcd, key: str) -> None:
    """What the server does by itself once an hour; no service of ours calls it."""
    found = await registry.find(key)
    assert found
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        answer = await http.post(f"http://{endpoint}/v3/kv/compaction", json={"revision": str(found.revision)})
        answer.raise_for_status()
