"""Which channels have an account: told once, and held until another is told."""

import asyncio
from collections.abc import Collection

import pytest

from libs.common import etcd
from libs.common.configured import FOR_PEOPLE, KEY, Configured, tell
from libs.common.errors import Unavailable


async def until(told: Configured, wanted: Collection[str]) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if told.channels() == wanted:
                    return
            except Unavailable:
                pass
            await asyncio.sleep(0.02)


async def test_what_is_told_is_known_and_what_makes_no_sense_changes_nothing(etcd_endpoint: str) -> None:
    """The stack's own word is put back."""
    async with etcd.connect(etcd_endpoint, 60) as registry, asyncio.TaskGroup() as tasks:
        before = {key: await registry.get(key) for key in (FOR_PEOPLE, KEY)}
        told = Configured(registry)
        with pytest.raises(Unavailable):
            told.channels()
        watching = tasks.create_task(told.run())
        try:
            await tell(registry, {"telegram": ["main"], "whatsapp": []}, {})
            await until(told, {"telegram"})
            await registry.put(KEY, b"nonsense")
            await tell(registry, {"telegram": ["main"], "whatsapp": ["a"]}, {})
            await until(told, {"telegram", "whatsapp"})
            assert told.for_people() == {}
            await tell(registry, {"messenger": ["main", "care"]}, {"messenger": ["care"]})
            await until(told, {"messenger"})
            assert told.for_people() == {"messenger": ["care"]}
        finally:
            watching.cancel()
            for key, value in before.items():
                await (registry.put(key, value) if value else registry.delete(key))
