"""MongoDB: one client per process, majority everywhere, and its failures in our words."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from libs.common.cancellation import heed_cancellation
from libs.common.errors import Unavailable

Document = dict[str, Any]
Database = AsyncDatabase[Document]
DUPLICATE_KEY = 11000


@asynccontextmanager
async def connect(
    uri: str, database: str, timeout_s: float = 5.0, *, retry_writes: bool = True
) -> AsyncIterator[Database]:
    """Does not wait for the server; every operation ends within `timeout_s`, retries included.

    `retry_writes` makes the server keep a record of every write; who tries again by themselves can do without.
    """
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        uri,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        retryWrites=retry_writes,
        timeoutMS=int(timeout_s * 1000),
        serverSelectionTimeoutMS=2000,
        connectTimeoutMS=2000,
        maxPoolSize=50,
        tz_aware=True,
        appname="parley",
    )
    try:
        yield client[database]
    finally:
        await client.close()


async def check(database: Database) -> None:
    """For readiness: the primary answers, and the collections are set up."""
    with answering():
        await database.command("ping")


@contextmanager
def answering() -> Iterator[None]:
    """Turns what says "not now" into `Unavailable`; what says "never like this" passes through."""
    try:
        yield
    except PyMongoError as error:
        heed_cancellation()
        if is_transient(error):
            raise Unavailable("MongoDB", type(error).__name__) from error
        raise
    heed_cancellation()


def is_transient(error: PyMongoError) -> bool:
    """True where the same call may work later, so that nothing is ever dead-lettered for it."""
    if isinstance(error, BulkWriteError):
        return not error.details.get("writeErrors")
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WriteConcernError) or error.timeout:
        return True
    if isinstance(error, OperationFailure) and error.has_error_label("RetryableWriteError"):
        return True
    return not isinstance(error, OperationFailure)
