"""Addresses as they stand in a real etcd, before, during and after it is away."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from libs.common import etcd
from libs.common.clock import new_id
from libs.common.directory import PREFIX, ChannelDirectory
from libs.common.errors import Unavailable
from libs.common.tests.line import PATIENCE_S, line_to


@pytest.fixture
async def registry(etcd_endpoint: str) -> AsyncIterator[etcd.Etcd]:
    async with etcd.connect(etcd_endpoint, PATIENCE_S) as registry:
        yield registry


@asynccontextmanager
async def running(directory: ChannelDirectory) -> AsyncIterator[ChannelDirectory]:
    task = asyncio.create_task(directory.run())
    try:
        yield directory
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def map_address(registry: etcd.Etcd, username: str, channel: str, address: str) -> None:
    await registry.put(f"{PREFIX}{username}/{channel}", json.dumps({"address": address, "created_at": ""}).encode())


def of(directory: ChannelDirectory, username: str) -> dict[str, str] | None:
    addresses = directory.addresses()
    return None if addresses is None else dict(addresses.get(username, {}))


async def test_what_stands_and_what_changes_is_known(registry: etcd.Etcd) -> None:
    bo = f"bo-{new_id()}"
    await map_address(registry, bo, "telegram", "42")
    async with running(ChannelDirectory(registry)) as directory:
        await until(lambda: of(directory, bo) == {"telegram": "42"})
        await map_address(registry, bo, "whatsapp", "16505551234")
        await until(lambda: of(directory, bo) == {"telegram": "42", "whatsapp": "16505551234"})
        await map_address(registry, bo, "telegram", "43")
        await registry.delete(f"{PREFIX}{bo}/whatsapp")
        await until(lambda: of(directory, bo) == {"telegram": "43"})
        await registry.delete(f"{PREFIX}{bo}/telegram")
        await until(lambda: bo not in (directory.addresses() or {}))


async def test_what_is_no_mapping_is_passed_over(registry: etcd.Etcd) -> None:
    bo = f"bo-{new_id()}"
    key = f"{PREFIX}{bo}/telegram"
    await registry.put(key, b"rubbish")
    async with running(ChannelDirectory(registry)) as directory:
        await until(lambda: of(directory, bo) == {})
        await map_address(registry, bo, "whatsapp", "16505551234")
        await until(lambda: of(directory, bo) == {"whatsapp": "16505551234"})
    await registry.delete(key)


async def test_nothing_is_known_until_etcd_is_there_and_all_stays_known_when_it_goes(
    registry: etcd.Etcd, etcd_endpoint: str
) -> None:
    bo = f"bo-{new_id()}"
    await map_address(registry, bo, "telegram", "42")
    etcd_port = int(etcd_endpoint.rpartition(":")[2])
    async with line_to(etcd_port) as (line, port), etcd.connect(f"127.0.0.1:{port}", 0.5) as far:
        line.cut()
        async with running(ChannelDirectory(far)) as directory:
            assert directory.addresses() is None
            with pytest.raises(Unavailable):
                await directory.check()
            line.is_cut = False
            await until(lambda: of(directory, bo) == {"telegram": "42"})
            await directory.check()
            line.cut()
            await map_address(registry, bo, "whatsapp", "16505551234")
            assert of(directory, bo) == {"telegram": "42"}
            line.is_cut = False
            await until(lambda: of(directory, bo) == {"telegram": "42", "whatsapp": "16505551234"})


async def test_an_address_leads_to_its_user_for_as_long_as_it_is_theirs(registry: etcd.Etcd) -> None:
    ana, bo, address = new_id(), new_id(), new_id()
    directory = ChannelDirectory(registry)
    with pytest.raises(Unavailable):
        directory.user_of("telegram", address)
    async with running(directory):
        await map_address(registry, ana, "telegram", address)
        await until(lambda: directory.is_known.is_set() and directory.user_of("telegram", address) == ana)
        assert directory.user_of("whatsapp", address) is None
        await map_address(registry, ana, "telegram", new_id())
        await until(lambda: directory.user_of("telegram", address) is None)
        await map_address(registry, bo, "telegram", address)
        await until(lambda: directory.user_of("telegram", address) == bo)
        await registry.delete(f"{PREFIX}{bo}/telegram")
        await until(lambda: directory.user_of("telegram", address) is None)
