"""A router that trusts its memory: it never reads the last numbers again, and no index keeps a second writer out."""

import asyncio
import contextlib
from typing import Any

from pymongo.errors import OperationFailure

from libs.common import mongo
from libs.common.process import run
from services.router import main
from services.router.handlers import messages
from services.router.handlers.memory import Memory
from services.router.settings import Settings
from tests.ledger.broken.instead import put


class Unforgetting(Memory[str, int]):
    def clear(self) -> None:
        pass


class Stubborn(messages.Messages):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._last = Unforgetting()


async def without_fence(settings: Settings, stop: asyncio.Event) -> None:
    async with mongo.connect(settings.mongo, settings.mongo_database) as database:
        with contextlib.suppress(OperationFailure):
            await database["messages"].drop_index("order")
        await database["messages"].create_index([("conversation_id", 1), ("sequence_number", 1)], name="unfenced")
    await main.main(settings, stop)


if __name__ == "__main__":
    put("services.router.wiring.messages", Messages=Stubborn)
    settings = Settings.load()
    run("router", settings, lambda stop: without_fence(settings, stop))
