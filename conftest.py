"""The real servers of a test run: a stack for each worker, started once; an empty database, topics and names per test.

`PARLEY_TEST_SETTINGS` may name the settings file of a stack that runs already; then that one is used and left running.
"""

import asyncio
import os
import secrets
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from deploy.local.ports import DEFAULT_BASE
from deploy.local.throwaway import throwaway
from libs.common import mongo, redis, schema
from libs.common.errors import Unavailable
from libs.common.events import PARTITIONS
from libs.common.settings import CommonSettings
from libs.common.tests.emptying import empty
from libs.common.tests.scans import report, scans_of, watch_for_scans

ROOT = Path(__file__).parent
STACK_FIXTURES = {"target", "stack", "database", "cache", "kafka", "etcd_endpoint", "chat", "scanners"}

# Machines are noisy: how long an example takes decides nothing.
settings.register_profile("parley", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("parley")

PATIENCE_S = 60.0  # nor does how long a server takes to answer

GIVEN = "PARLEY_TEST_SETTINGS"
WORKER_BYTES = 3 * 1024**3  # a stack takes 1.1 GiB, and some tests start a second one
MOST_WORKERS = 4  # a run is not shorter than its longest file


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, for they wait more than they compute, where there is memory for their stacks."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wanted = min(len(os.sched_getaffinity(0)) + 1, memory // WORKER_BYTES, MOST_WORKERS)
    return 1 if GIVEN in os.environ else max(1, wanted)


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what runs in their background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if GIVEN in os.environ and (config.getoption("numprocesses") or 0) > 1:
        raise pytest.UsageError(f"{GIVEN} names one stack, and workers share none: take workers=1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not STACK_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("pure")
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if doubled := [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]:
        raise pytest.UsageError(f"workers would run only one of the tests with the same id: {', '.join(doubled)}")


class Stack(CommonSettings):
    """Where the servers of this run are."""

    base: int = DEFAULT_BASE
    s3_url: str = "http://127.0.0.1:8150"
    s3_access_key: str = ""
    s3_secret_key: str = ""
    gateway_url: str = "http://127.0.0.1:8080"
    state: Path = ROOT / ".local"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if given := os.environ.get(GIVEN):
        yield Stack(_env_file=given, state=Path(given).parent)  # type: ignore[call-arg]
        return
    with throwaway(tmp_path_factory.mktemp("stack")) as running:
        yield Stack(_env_file=running.places.settings, state=running.places.state)  # type: ignore[call-arg]


async def until_found(database: mongo.Database) -> None:
    """The driver looks for a server that it has not found, or has lost, for 2 s only, whatever its deadline is."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(Unavailable):
                return await mongo.check(database)


@pytest.fixture(scope="session")
async def collections(stack: Stack) -> AsyncIterator[str]:
    """The database of this worker, with the collections and indexes of the product: made once, for that takes long."""
    name = f"test-{secrets.token_hex(6)}"
    async with mongo.connect(stack.mongo, name, PATIENCE_S) as made:
        await until_found(made)
        await schema.create_collections(made)
    yield name
    if GIVEN in os.environ:  # a stack of the run's own ends with all that it holds
        async with mongo.connect(stack.mongo, name, PATIENCE_S) as made:
            await until_found(made)
            await made.client.drop_database(name)


@pytest.fixture
async def database(stack: Stack, collections: str) -> AsyncIterator[mongo.Database]:
    """Empty, with the collections and indexes of the product; the test may scan nothing, and leaves nothing."""
    async with mongo.connect(stack.mongo, collections, PATIENCE_S) as emptied:
        await until_found(emptied)
        await watch_for_scans(emptied)
        yield emptied
        scans = await scans_of(emptied)
        await empty(emptied)
    if scans:
        pytest.fail(report(scans), pytrace=False)


@pytest.fixture
async def no_scans(stack: Stack) -> AsyncIterator[None]:
    """What the services of the stack ask of their database meanwhile is answered by indexes."""
    async with mongo.connect(stack.mongo, stack.mongo_database, PATIENCE_S) as database:
        await until_found(database)
        await watch_for_scans(database)
        yield
        scans = await scans_of(database)
    if scans:
        pytest.fail(report(scans), pytrace=False)


@pytest.fixture
async def cache(stack: Stack) -> AsyncIterator[Redis]:
    """Redis, shared: tests use names of their own."""
    async with redis.connect(stack.redis, deadline_s=PATIENCE_S) as client:
        yield client


@pytest.fixture
def partitions() -> int:
    """Of each topic of a test, as in the product."""
    return PARTITIONS


@pytest.fixture
async def kafka(stack: Stack, partitions: int) -> AsyncIterator[tuple[str, str]]:
    """(bootstrap servers, a topic prefix of this test's own, whose topics exist)."""
    prefix = f"test-{secrets.token_hex(6)}."
    await schema.create_topics(stack.kafka, prefix, partitions=partitions)
    yield stack.kafka, prefix
    await schema.delete_topics(stack.kafka, prefix)


@pytest.fixture(scope="session")
def etcd_endpoint(stack: Stack) -> str:
    return stack.etcd
