"""Redis: one pool per process, and its failures in our words."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry as ConnectionRetry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, ReadOnlyError, TimeoutError

from libs.common.cancellation import heed_cancellation
from libs.common.errors import Unavailable

DEADLINE_S = 3.0


@asynccontextmanager
async def connect(url: str, connections: int = 10) -> AsyncIterator[Redis]:
    """Does not wait for the server; each call has a deadline. Answers are bytes."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=DEADLINE_S,
        socket_timeout=DEADLINE_S,
        socket_connect_timeout=DEADLINE_S,
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
    """Turns what says "not now" into `Unavailable`."""
    try:
        yield
    except (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError) as error:
        heed_cancellation()
        raise Unavailable("Redis", type(error).__name__) from error
    heed_cancellation()
