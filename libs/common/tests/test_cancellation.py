"""Who is told to stop while a database answers does stop."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import pytest
from pymongo.errors import AutoReconnect
from redis.exceptions import ConnectionError

from libs.common import mongo, redis

Answering = Callable[[], AbstractContextManager[None]]


async def call(answering: Answering, failure: Exception | None = None) -> None:
    """As the drivers do on Python 3.11: a cancellation that meets the answer is dropped."""
    with answering():
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        if failure:
            raise failure


@pytest.mark.parametrize(
    ("answering", "failure"),
    [
        (mongo.answering, None),
        (mongo.answering, AutoReconnect()),
        (redis.answering, None),
        (redis.answering, ConnectionError()),
    ],
)
async def test_a_cancellation_that_a_driver_swallows_is_heeded(answering: Answering, failure: Exception | None) -> None:
    task = asyncio.create_task(call(answering, failure))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("answering", [mongo.answering, redis.answering])
async def test_a_deadline_that_a_driver_swallows_is_a_timeout(answering: Answering) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(0.01):
            await call(answering)

    with pytest.raises(TimeoutError):
        await in_time()
