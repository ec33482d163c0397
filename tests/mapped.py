"""Where people of ours are reached on channels, once whoever sends there has heard of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.common import etcd
from libs.common.directory import PREFIX
from tests.conftest import DEADLINE_S, PATIENCE_S, Chat
from tests.processes import metric

KNOWN = "parley_addresses "
WHO_ASKS = ("router", "frontend")


async def mapped(chat: Chat, username: str, channel: str, address: str) -> None:
    async with one_more(chat), etcd.connect(chat.stack.etcd, DEADLINE_S) as registry:
        said = {"address": address, "created_at": "2026-11-21T10:15:30.123Z"}
        await registry.put(f"{PREFIX}{username}/{channel}", json.dumps(said).encode())


@asynccontextmanager
async def one_more(chat: Chat) -> AsyncIterator[None]:
    """An address is mapped inside the block; after it our services know: etcd tells them in a moment."""
    urls = [f"http://127.0.0.1:{chat.processes.ports[name]}" for name in WHO_ASKS]
    before = [await metric(url, KNOWN) for url in urls]
    yield
    async with asyncio.timeout(PATIENCE_S):
        for url, known in zip(urls, before, strict=True):
            while await metric(url, KNOWN) <= known:
                await asyncio.sleep(0.02)
