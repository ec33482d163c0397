"""Redis: one pool per process, and its failures in our words."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry as ConnectionRetry
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from libs.common.cancellation import heed_cancellation
from libs.common.errors import Unavailable

DEADLINE_S = 3.0
NOT_NOW = (
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    TryAgainError,
)
NOT_NOW_CODES = ("BUSY ", "MISCONF ", "NOREPLICAS ")  # the driver has no classes for these


@asynccontextmanager
async def connect(url: str, connections: int = 10, deadline_s: float = DEADLINE_S) -> AsyncIterator[Redis]:
    """Does not wait for the server; each call has a deadline. Answers are bytes."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=deadline_s,
        socket_timeout=deadline_s,
        socket_connect_timeout=deadline_s,
        retry=ConnectionRetry(NoBackoff(), 1),
    )
    client = Redis(connection_pool=pool)
    try:
        yield client
    finally:
        await client.aclose()
        await pool.aclose()


async def check(client: Redis) -> None:
    """For readiness."""
    with answering():
        await client.ping()


@contextmanager
def answering() -> Iterator[None]:
    """Turns what says "not now" into `Unavailable`; what says "never like this" passes through."""
    try:
        yield
    except RedisError as error:
        heed_cancellation()
        if is_transient(error):
            raise Unavailable("Redis", type(error).__name__) from error
        raise
    heed_cancellation()


def is_transient(error: RedisError) -> bool:
    """True where the same call may work later, so that nothing is ever dead-lettered for it."""
    if isinstance(error, ResponseError) and str(error).startswith(NOT_NOW_CODES):
        return True
    return isinstance(error, NOT_NOW)
