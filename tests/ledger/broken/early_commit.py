"""A router that commits the offsets of a batch before it has done anything with it."""

import asyncio
from typing import Any

from aiokafka import TopicPartition

from libs.common import kafka
from libs.common.process import run
from services.router import main
from services.router.settings import Settings
from tests.ledger.broken.instead import put

PAUSE_S = 0.3  # makes the moment long in which the harm can be done


class Hasty(kafka.Consumer):
    async def _work(self, polled: dict[TopicPartition, list[Any]], generation: int, stop: asyncio.Event) -> None:
        self._handled.update({tp: records[-1].offset + 1 for tp, records in polled.items()})
        await self._commit()
        await asyncio.sleep(PAUSE_S)
        await super()._work(polled, generation, stop)


if __name__ == "__main__":
    put("libs.common.kafka", Consumer=Hasty)
    settings = Settings.load()
    run("router", settings, lambda stop: main.main(settings, stop))
