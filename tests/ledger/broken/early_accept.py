"""A frontend that answers 202 while Kafka has still to answer."""

import asyncio
from collections.abc import Sequence

from libs.common import kafka
from libs.common.process import run
from services.frontend import main
from services.frontend.settings import Settings

_publish = kafka.Producer.publish
_under_way: set[asyncio.Task[None]] = set()


async def publish(
    self: kafka.Producer, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]]
) -> None:
    task = asyncio.create_task(_publish(self, topic, key, value, headers))
    _under_way.add(task)
    task.add_done_callback(_forget)


def _forget(task: asyncio.Task[None]) -> None:
    _under_way.discard(task)
    task.exception()


if __name__ == "__main__":
    kafka.Producer.publish = publish  # type: ignore[method-assign]
    settings = Settings.load()
    run("frontend", settings, lambda stop: main.main(settings, stop))
