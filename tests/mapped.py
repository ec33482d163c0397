"""Where people of ours are reached on channels, once whoever sends there has heard of it."""

import asyncio
import json

from libs.common import etcd
from libs.common.directory import PREFIX
from tests.conftest import DEADLINE_S, PATIENCE_S, Chat
from tests.processes import metric

KNOWN = f'parley_etcd_revision{{prefix="{PREFIX}"}}'
WHO_ASKS = ("router", "frontend")


async def mapped(chat: Chat, username: str, channel: str, address: str) -> None:
    async with etcd.connect(chat.stack.etcd, DEADLINE_S) as registry:
        said = {"address": address, "created_at": "2026-11-21T10:15:30.123Z"}
        await registry.put(f"{PREFIX}{username}/{channel}", json.dumps(said).encode())
    await is_known(chat, username, channel)


async def is_known(chat: Chat, username: str, channel: str) -> None:
    """Waits until our services know the address that is mapped now: etcd tells them in a moment."""
    async with etcd.connect(chat.stack.etcd, DEADLINE_S) as registry:
        found = await registry.find(f"{PREFIX}{username}/{channel}")
    assert found
    async with asyncio.timeout(PATIENCE_S):
        for name in WHO_ASKS:
            while await metric(f"http://127.0.0.1:{chat.processes.ports[name]}", KNOWN) < found.revision:
                await asyncio.sleep(0.02)
